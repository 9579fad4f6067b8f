// SPDX-License-Identifier: Apache-2.0

package service

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// binding is what a program says of a namespace, with what the runtime counts there: found once, as the name, its parameters and the
// counters are looked up in maps, and those of dynamic namespaces by expressions. It does not change.
type binding struct {
	program *Program
	// namespace is nil if the program says nothing of it.
	namespace *namespace
	params    map[string]string // of a dynamic namespace
	// label is how metrics name the namespace.
	label            string
	events, failures prometheus.Counter
}

// dynamicLabel stands in metrics for all dynamic namespaces, whose names are the clients' choice.
const dynamicLabel = "dynamic"

// bind is the binding of a socket's namespace to a program.
func (r *Runtime) bind(p *Program, s *socketio.Socket) *binding {
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

// bindings are those of the namespaces that a program names. Each socket of a dynamic one has its own.
type bindings struct{ byName map[string]*binding }

func (r *Runtime) bindAll(p *Program) {
	all := &bindings{byName: make(map[string]*binding, len(p.namespaces))}
	for name := range p.namespaces {
		all.byName[name] = r.newBinding(p, name)
	}
	r.bindings.Store(all)
}
