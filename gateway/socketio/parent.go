// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"errors"
	"fmt"
	"regexp"
	"sync"
)

// ParentNamespace stands for all namespaces whose name fits: each is made when the first client connects to it. Its
// middlewares and handlers are those of all of them. Safe for concurrent use.
type ParentNamespace struct {
	server *Server
	match  func(name string, h *Handshake) (params map[string]string, ok bool)

	mu           sync.RWMutex
	middlewares  []func(*Socket) error // guarded by mu
	onConnection []func(*Socket)       // guarded by mu
	onNamespace  []func(*Namespace)    // guarded by mu
}

// Pattern matches whole names of namespaces.
type Pattern struct{ re *regexp.Regexp }

// ParsePattern reads a pattern such as `/orders/(?P<id>[0-9]+)`. The syntax is that of package regexp: matching takes time
// in proportion to the name, whatever a client calls it.
func ParsePattern(pattern string) (*Pattern, error) {
	// Alone first: `/a)|(?:/b` is no pattern, but would be one between the anchors.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, fmt.Errorf("namespaces by pattern %q: %w", pattern, err)
	}
	re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("namespaces by pattern %q: %w", pattern, err)
	}
	return &Pattern{re}, nil
}

// Match tells whether the whole name matches, and what the named groups have matched.
func (p *Pattern) Match(name string) (params map[string]string, ok bool) {
	found := p.re.FindStringSubmatch(name)
	if found == nil {
		return nil, false
	}
	params = map[string]string{}
	for i, group := range p.re.SubexpNames() {
		if group != "" {
			params[group] = found[i]
		}
	}
	return params, true
}

// OfPattern serves all namespaces whose name matches a pattern; see ParsePattern. What a named group
// has matched is Namespace.Param. A namespace made by Of comes first, then patterns in the order of their making.
func (s *Server) OfPattern(pattern string) (*ParentNamespace, error) {
	p, err := ParsePattern(pattern)
	if err != nil {
		return nil, err
	}
	return s.addParent(func(name string, _ *Handshake) (map[string]string, bool) { return p.Match(name) }), nil
}

// OfFunc serves all namespaces that a function accepts. It is asked when a client connects to a name that is not there yet,
// and may be asked by many clients at once.
func (s *Server) OfFunc(accept func(name string, h *Handshake) bool) *ParentNamespace {
	return s.addParent(func(name string, h *Handshake) (map[string]string, bool) { return nil, accept(name, h) })
}

func (s *Server) addParent(match func(string, *Handshake) (map[string]string, bool)) *ParentNamespace {
	p := &ParentNamespace{server: s, match: match}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parents = append(s.parents, p)
	return p
}

// Use adds a middleware to all namespaces of the parent; see Namespace.Use. It runs before their own.
func (p *ParentNamespace) Use(f func(*Socket) error) *ParentNamespace {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.middlewares = append(p.middlewares, f)
	return p
}

// OnConnection adds a handler for each socket that connects to one of the namespaces.
func (p *ParentNamespace) OnConnection(f func(*Socket)) *ParentNamespace {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onConnection = append(p.onConnection, f)
	return p
}

// OnNamespace adds a function that is called for each namespace that is made, before its first socket, as Node's new_namespace.
// It must not use the server: that is locked until it has returned.
func (p *ParentNamespace) OnNamespace(f func(*Namespace)) *ParentNamespace {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onNamespace = append(p.onNamespace, f)
	return p
}

func (p *ParentNamespace) made(ns *Namespace) {
	p.mu.RLock()
	onNamespace := p.onNamespace
	p.mu.RUnlock()
	for _, f := range onNamespace {
		f(ns)
	}
}

// Children lists the namespaces that are there now, on this server.
func (p *ParentNamespace) Children() []*Namespace {
	p.server.mu.RLock()
	defer p.server.mu.RUnlock()
	var children []*Namespace
	for _, ns := range p.server.namespaces {
		if ns.parent == p {
			children = append(children, ns)
		}
	}
	return children
}

// Emit sends an event to all sockets of the namespaces that are there on this server; those of one are reached on all
// servers. See NewArgs for values.
func (p *ParentNamespace) Emit(event string, values ...any) error {
	args, err := NewArgs(values...)
	if err != nil {
		return fmt.Errorf("emit %s: %w", event, err)
	}
	var errs []error
	for _, ns := range p.Children() {
		errs = append(errs, ns.EmitArgs(event, args))
	}
	return errors.Join(errs...)
}

func (p *ParentNamespace) authorize(s *Socket) error {
	p.mu.RLock()
	middlewares := p.middlewares
	p.mu.RUnlock()
	for _, f := range middlewares {
		if err := f(s); err != nil {
			return err
		}
	}
	return nil
}

func (p *ParentNamespace) hasMiddlewares() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return len(p.middlewares) > 0
}

func (p *ParentNamespace) connected(s *Socket) {
	p.mu.RLock()
	onConnection := p.onConnection
	p.mu.RUnlock()
	for _, f := range onConnection {
		f(s)
	}
}

// enter finds the namespace that a client wants to connect to, or makes it, and enters it; nil if there is none. Of many
// who come first at once, one makes it.
func (s *Server) enter(name string, h func() *Handshake) *Namespace {
	for {
		ns := s.namespace(name)
		if ns == nil {
			ns = s.makeChild(name, h)
		}
		if ns == nil || ns.enter() {
			return ns
		}
		s.forget(ns) // its last socket has just left
	}
}

func (s *Server) makeChild(name string, h func() *Handshake) *Namespace {
	s.mu.RLock()
	parents := s.parents
	s.mu.RUnlock()
	for _, p := range parents {
		if params, ok := p.match(name, h()); ok {
			return s.addNamespace(name, func(ns *Namespace) {
				ns.parent, ns.params = p, params
				p.made(ns)
			})
		}
	}
	return nil
}

// forget takes a namespace that is no more out of the list, unless that has a new one of the name.
func (s *Server) forget(ns *Namespace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.namespaces[ns.name] == ns {
		delete(s.namespaces, ns.name)
	}
}
