// SPDX-License-Identifier: Apache-2.0

package service

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// binding is a namespace as a program defines it, with its counters. It saves looking both up for
// each event; the name of a dynamic namespace takes a regular expression. It does not change.
type binding struct {
	program *Program
	// namespace is nil if the program does not define it.
	namespace *namespace
	params    map[string]string // of a dynamic namespace
	// label is the name of the namespace in metrics.
	label            string
	events, failures prometheus.Counter
}

// dynamicLabel stands for all dynamic namespaces in metrics, since clients choose their names.
const dynamicLabel = "dynamic"

// bindingOf returns the binding of a socket's namespace to a program.
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

// bindings are the bindings of a program's static namespaces. Each socket of a dynamic namespace
// has its own binding.
type bindings struct{ byName map[string]*binding }

func (r *Runtime) bindAll(p *Program) {
	all := &bindings{byName: make(map[string]*binding, len(p.namespaces))}
	for name := range p.namespaces {
		all.byName[name] = r.newBinding(p, name)
	}
	r.bindings.Store(all)
}
