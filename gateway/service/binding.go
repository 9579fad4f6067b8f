// SPDX-License-Identifier: Apache-2.0

package service

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// binding is a namespace as a program defines it, with its counters. It saves each event the
// look-up of the name, which takes a regular expression for dynamic namespaces, and of the
// counters. It does not change.
type binding struct {
	program *Program
	// namespace is nil if the program does not define it.
	namespace *namespace
	params    map[string]string // of a dynamic namespace
	// label is how metrics name the namespace.
	label            string
	events, failures prometheus.Counter
}

// dynamicLabel stands in metrics for all dynamic namespaces, whose names are the clients' choice.
const dynamicLabel = "dynamic"

// bindingOf is the binding of a socket's namespace to a program.
func (r *Runtime) bindingOf(p *Program, s *socketio.Socket) *binding {
	name := s.Namespace().Name()
	if b := r.bindings.Load().byName[name]; b != nil && b.program == p {
		return b
	}
	return r.newBinding(p, name)
}

func (r *Runtime) newBinding(p *Program, name string) *binding {
	ns, params := p.find(name)
	switch {
	case ns == nil:
		return &binding{program: p}
	case p.namespaces[name] == nil:
		name = dynamicLabel
	}
	return &binding{p, ns, params, name, r.events.WithLabelValues(name), r.failures.WithLabelValues(name)}
}

// bindings are those of a program's static namespaces. Each socket of a dynamic namespace has its
// own binding.
type bindings struct{ byName map[string]*binding }

func (r *Runtime) bindAll(p *Program) {
	all := &bindings{byName: make(map[string]*binding, len(p.namespaces))}
	for name := range p.namespaces {
		all.byName[name] = r.newBinding(p, name)
	}
	r.bindings.Store(all)
}
