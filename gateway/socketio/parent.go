// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/handlers"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/names"
)

// ParentNamespace stands for all namespaces whose name matches. Each is created when the first
// client connects to it. The middlewares and handlers of the parent apply to all of them. Safe for
// concurrent use.
type ParentNamespace struct {
	server *Server
	// match reports whether a namespace of that name, to which a client wants to connect, belongs
	// to the parent.
	match func(name string, h func() *Handshake) (params map[string]string, ok bool)
	// seesClients reports whether match needs the client's handshake.
	seesClients bool
	entrance    handlers.Entrance[*Socket]

	mu          sync.RWMutex
	onNamespace []func(*Namespace) // guarded by mu
}

// OfPattern serves all namespaces whose name matches a pattern; see ParsePattern. Namespace.Param
// returns the match of a named group. An existing namespace takes precedence, then patterns in the
// order in which they were added.
func (s *Server) OfPattern(pattern string) (*ParentNamespace, error) {
	p, err := names.ParsePattern(pattern)
	if err != nil {
		return nil, err
	}
	return s.addParent(&ParentNamespace{server: s, match: func(name string, _ func() *Handshake) (map[string]string, bool) {
		return p.Match(name)
	}}), nil
}

// OfFunc serves all namespaces that a function accepts. The function is called when a client
// connects to a name that does not exist yet, and may be called for many clients at once.
func (s *Server) OfFunc(accept func(name string, h *Handshake) bool) *ParentNamespace {
	return s.addParent(&ParentNamespace{server: s, seesClients: true, match: func(name string, h func() *Handshake) (map[string]string, bool) {
		return nil, accept(name, h())
	}})
}

// OfNames is OfFunc for functions that only need the name, which saves decoding the client's
// Handshake for each name that it asks for. A name that Of creates belongs to the parent at once.
func (s *Server) OfNames(accept func(name string) bool) *ParentNamespace {
	return s.addParent(&ParentNamespace{server: s, match: func(name string, _ func() *Handshake) (map[string]string, bool) {
		return nil, accept(name)
	}})
}

func (s *Server) addParent(p *ParentNamespace) *ParentNamespace {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parents = append(s.parents, p)
	return p
}

// Use adds a middleware to all namespaces of the parent; see Namespace.Use. It runs before their
// own.
func (p *ParentNamespace) Use(f func(*Socket) error) *ParentNamespace {
	p.entrance.Use(f)
	return p
}

// OnConnection adds a handler for each socket that connects to one of the namespaces.
func (p *ParentNamespace) OnConnection(f func(*Socket)) *ParentNamespace {
	p.entrance.OnConnection(f)
	return p
}

// OnNamespace adds a function that is called for each namespace that is created, before its first
// socket, like Node's new_namespace event. It must not use the server, which is locked until it
// returns.
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

// Children lists the namespaces that exist now, on this server.
func (p *ParentNamespace) Children() []*Namespace {
	return slices.DeleteFunc(p.server.namespaces.All(), func(ns *Namespace) bool { return ns.parent.Load() != p })
}

// enter finds or creates the namespace that a client wants to connect to, and enters it; nil if
// there is none. If many clients come first at once, one of them creates it.
func (s *Server) enter(name string, h func() *Handshake) *Namespace {
	for {
		ns := s.namespaces.Get(name)
		switch {
		case ns == nil:
			ns = s.makeChild(name, h)
		case len(ns.suitors) > 0 && ns.parent.Load() == nil:
			s.adopt(ns, h)
		}
		if ns == nil || ns.present.Enter() {
			return ns
		}
		s.namespaces.Forget(ns.name, ns) // its last socket has just left
	}
}

func (s *Server) makeChild(name string, h func() *Handshake) *Namespace {
	for _, p := range s.allParents() {
		if params, ok := p.match(name, h); ok {
			return s.addNamespace(name, func(ns *Namespace) {
				ns.params = params
				ns.belongTo(p)
			})
		}
	}
	return nil
}

func (s *Server) allParents() []*ParentNamespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.parents
}

// parentByName returns the parent whose pattern matches a name, and the matches of its groups. If
// there is none, it returns the parents that have to see a client.
func (s *Server) parentByName(name string) (_ *ParentNamespace, params map[string]string, suitors []*ParentNamespace) {
	for _, p := range s.allParents() {
		if p.seesClients {
			suitors = append(suitors, p)
			continue
		}
		if params, ok := p.match(name, nil); ok {
			return p, params, nil
		}
	}
	return nil, nil, suitors
}

// adopt gives a namespace that Of has created to the first parent that accepts a client of it.
func (s *Server) adopt(ns *Namespace, h func() *Handshake) {
	for _, p := range ns.suitors {
		if _, ok := p.match(ns.name, h); !ok {
			continue
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if ns.parent.Load() == nil {
			ns.belongTo(p)
		}
		return
	}
}

// ParentBroadcast addresses sockets of all namespaces of a parent that exist on this server when
// the event is emitted; within each of them it reaches the sockets of all servers. Each step
// returns a new value. Safe for concurrent use.
type ParentBroadcast struct {
	parent *ParentNamespace
	// of has no namespace; EmitArgs sets one after the other.
	of Broadcast
}

func (p *ParentNamespace) everyone() *ParentBroadcast { return &ParentBroadcast{parent: p} }

// Emit sends an event to all sockets of the parent's namespaces; see ParentBroadcast.Emit.
func (p *ParentNamespace) Emit(event string, values ...any) error {
	return p.everyone().Emit(event, values...)
}

// To addresses the members of rooms, in each of the namespaces.
func (p *ParentNamespace) To(rooms ...string) *ParentBroadcast { return p.everyone().To(rooms...) }

// In is To.
func (p *ParentNamespace) In(rooms ...string) *ParentBroadcast { return p.everyone().To(rooms...) }

// Except addresses all sockets except the members of rooms.
func (p *ParentNamespace) Except(rooms ...string) *ParentBroadcast {
	return p.everyone().Except(rooms...)
}

// Local addresses the sockets of this server.
func (p *ParentNamespace) Local() *ParentBroadcast { return p.everyone().Local() }

// Volatile drops the event for clients that cannot take it at once; see Broadcast.Volatile.
func (p *ParentNamespace) Volatile() *ParentBroadcast { return p.everyone().Volatile() }

// Compress allows or forbids compression; see Broadcast.Compress.
func (p *ParentNamespace) Compress(allowed bool) *ParentBroadcast {
	return p.everyone().Compress(allowed)
}

// To adds rooms whose members are addressed; see Broadcast.To.
func (b *ParentBroadcast) To(rooms ...string) *ParentBroadcast { return b.with(b.of.To(rooms...)) }

// In is To.
func (b *ParentBroadcast) In(rooms ...string) *ParentBroadcast { return b.To(rooms...) }

// Except adds rooms whose members are excluded.
func (b *ParentBroadcast) Except(rooms ...string) *ParentBroadcast {
	return b.with(b.of.Except(rooms...))
}

// Local addresses only the sockets of this server.
func (b *ParentBroadcast) Local() *ParentBroadcast { return b.with(b.of.Local()) }

// Volatile drops the event for clients that cannot take it at once; see Broadcast.Volatile.
func (b *ParentBroadcast) Volatile() *ParentBroadcast { return b.with(b.of.Volatile()) }

// Compress allows or forbids compression; see Broadcast.Compress.
func (b *ParentBroadcast) Compress(allowed bool) *ParentBroadcast {
	return b.with(b.of.Compress(allowed))
}

func (b *ParentBroadcast) with(of *Broadcast) *ParentBroadcast {
	return &ParentBroadcast{parent: b.parent, of: *of}
}

// Emit sends an event. It returns the error of Broadcast.Emit for each namespace in which it has
// failed; the others have received the event. See NewArgs for values.
func (b *ParentBroadcast) Emit(event string, values ...any) error {
	args, err := NewArgs(values...)
	if err != nil {
		return fmt.Errorf("emit %s: %w", event, err)
	}
	return b.EmitArgs(event, args)
}

// EmitArgs is Emit with encoded arguments.
func (b *ParentBroadcast) EmitArgs(event string, args Args) error {
	var errs []error
	for _, ns := range b.parent.Children() {
		one := b.of
		one.namespace = ns
		if err := one.EmitArgs(event, args); err != nil {
			errs = append(errs, fmt.Errorf("namespace %s: %w", ns.name, err))
		}
	}
	return errors.Join(errs...)
}
