// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"slices"

	"github.com/google/cel-go/cel"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/api/validation"
	"github.com/realtime-operator/realtime-operator/gateway/limits"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/service/quota"
	"github.com/realtime-operator/realtime-operator/gateway/service/users"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Program is a service with its expressions compiled. It does not change. Safe for concurrent use.
type Program struct {
	admission []eval.AdmissionRule
	// authentication has the entries of spec.authentication.
	authentication authenticationEntries
	namespaces     map[string]*namespace
	dynamic        []dynamicNamespace
	// maxPayload bounds publish requests, in bytes; 0: no bound.
	maxPayload int64
	// limits bound what one connection can make the gateway hold.
	limits socketio.Limits
	// rates bound what clients send, and how many connections users have; nil: nothing is bounded.
	rates *limits.Rules
}

// dynamicNamespace stands for all namespaces whose name matches.
type dynamicNamespace struct {
	pattern   *socketio.Pattern
	namespace *namespace
}

// find returns the namespace with a name, and the matches of the pattern's groups; nil if the
// program does not define it.
func (p *Program) find(name string) (*namespace, map[string]string) {
	if ns := p.namespaces[name]; ns != nil {
		return ns, nil
	}
	for _, d := range p.dynamic {
		if params, ok := d.pattern.Match(name); ok {
			return d.namespace, params
		}
	}
	return nil, nil
}

// namespace has the handlers and rules of one namespace.
type namespace struct {
	// lifecycle has the handlers of connection, disconnecting and disconnect.
	lifecycle map[string][]*handler
	// events has, by name, the handlers of clients' events in the manifest's order, including those
	// of '*'.
	events map[string][]*handler
	// any has only the handlers of '*', for events that no handler names.
	any   []*handler
	rooms roomRules
	// authentication is nil if everybody may connect.
	authentication *authentication
	users          users.Users
}

// handler is a handler of the manifest.
type handler struct {
	// place is the handler's place in the manifest.
	place string
	when  cel.Program // nil: always
	steps []step
	// whens are the conditions of the steps; nil for those without.
	whens []*cel.Program
}

// step is a compiled action.
type step func(*run) error

// Compile compiles a service, whose clients are authenticated by others. If an expression does not
// compile, it returns an error with its path; the API server and `realtime dev` have refused such a
// service before.
func Compile(svc *v1alpha1.RealtimeService, authenticators Authenticators) (*Program, error) {
	if errs := validation.Service(svc); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	admission, err := eval.CompileAdmission(svc.Spec.Protocol.Admission)
	if err != nil {
		return nil, err
	}
	entries, err := compileAuthentication(svc, authenticators)
	if err != nil {
		return nil, err
	}
	p := &Program{
		admission:      admission,
		authentication: entries,
		namespaces:     make(map[string]*namespace, len(svc.Spec.Namespaces)),
		maxPayload:     svc.Spec.Protocol.MaxPayload.Value(),
		limits:         socketio.Limits{Namespaces: svc.Spec.Limits.Namespaces(), Rooms: svc.Spec.Limits.Rooms()},
		rates:          quota.Compile(&svc.Spec.Limits),
	}
	for i := range svc.Spec.Namespaces {
		ns := &svc.Spec.Namespaces[i]
		compiled, err := compileNamespace(ns.Rooms, ns.Handlers)
		if err != nil {
			return nil, fmt.Errorf("namespace %s: %w", ns.Name, err)
		}
		compiled.authentication = entries.of(ns.Authentication, ns.Anonymous)
		compiled.users = users.Of(ns.Authentication, ns.AddressUsers, ns.Handlers, svc.Spec.API != nil)
		p.namespaces[ns.Name] = compiled
	}
	for i := range svc.Spec.DynamicNamespaces {
		ns := &svc.Spec.DynamicNamespaces[i]
		compiled, err := compileDynamic(ns)
		if err != nil {
			return nil, fmt.Errorf("namespaces %s: %w", ns.Pattern, err)
		}
		compiled.namespace.authentication = entries.of(ns.Authentication, ns.Anonymous)
		compiled.namespace.users = users.Of(ns.Authentication, ns.AddressUsers, ns.Handlers, svc.Spec.API != nil)
		p.dynamic = append(p.dynamic, compiled)
	}
	return p, nil
}

func compileDynamic(ns *v1alpha1.DynamicNamespace) (dynamicNamespace, error) {
	pattern, err := socketio.ParsePattern(ns.Pattern)
	if err != nil {
		return dynamicNamespace{}, err
	}
	compiled, err := compileNamespace(ns.Rooms, ns.Handlers)
	return dynamicNamespace{pattern, compiled}, err
}

func compileNamespace(rooms []v1alpha1.RoomRule, handlers []v1alpha1.Handler) (*namespace, error) {
	rules, err := compileRoomRules(rooms)
	if err != nil {
		return nil, err
	}
	n := &namespace{lifecycle: map[string][]*handler{}, events: map[string][]*handler{}, rooms: rules}
	for i := range handlers {
		h, err := compileHandler(&handlers[i])
		if err != nil {
			return nil, fmt.Errorf("handlers[%d], %s: %w", i, handlers[i].Event, err)
		}
		h.place = fmt.Sprintf("handlers[%d]", i)
		n.add(handlers[i].Event, h)
	}
	return n, nil
}

func (n *namespace) add(event string, h *handler) {
	switch event {
	case v1alpha1.EventConnection, v1alpha1.EventDisconnecting, v1alpha1.EventDisconnect:
		n.lifecycle[event] = append(n.lifecycle[event], h)
	case v1alpha1.EventAny:
		for name := range n.events {
			n.events[name] = append(n.events[name], h)
		}
		n.any = append(n.any, h)
	default:
		if _, named := n.events[event]; !named {
			n.events[event] = slices.Clone(n.any) // those of '*' that come before
		}
		n.events[event] = append(n.events[event], h)
	}
}

// on returns the handlers of a client's event.
func (n *namespace) on(event string) []*handler {
	if handlers, named := n.events[event]; named {
		return handlers
	}
	return n.any
}

func compileHandler(h *v1alpha1.Handler) (*handler, error) {
	compiled := &handler{steps: make([]step, len(h.Do)), whens: make([]*cel.Program, len(h.Do))}
	var err error
	if h.When != "" {
		if compiled.when, err = expression.Compile(expression.Condition, h.When); err != nil {
			return nil, fmt.Errorf("when: %w", err)
		}
	}
	for i := range h.Do {
		if compiled.steps[i], compiled.whens[i], err = compileStep(&h.Do[i]); err != nil {
			return nil, fmt.Errorf("do[%d]: %w", i, err)
		}
	}
	return compiled, nil
}
