// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/cel-go/cel"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/places"
	"github.com/realtime-operator/realtime-operator/gateway/service/observation"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Observe has a function called after each evaluation of a program's conditions, and before each
// run of a handler, in the goroutine of that. It returns the places. svc is what the program was
// compiled from. It must be called before the program is applied. A program that is not observed
// pays nothing.
func (p *Program) Observe(svc *v1alpha1.RealtimeService, observe func(observation.Observation)) []*observation.Site {
	o := &observer{observation.Observer{Observe: observe}}
	for i, rule := range svc.Spec.Protocol.Admission {
		site := observation.ConditionAt(fmt.Sprintf("spec.protocol.admission[%d].expression", i), rule.Message, string(rule.Expression), expression.Admission)
		o.Wrap(&p.admission[i].Condition, site)
	}
	for i := range svc.Spec.Authentication {
		source := &svc.Spec.Authentication[i]
		entry, path := p.authentication.byName[source.Name], fmt.Sprintf("spec.authentication[%d]", i)
		o.Wrap(&entry.allow, observation.ConditionAt(path+".allow", source.Name, string(source.Allow), expression.Client))
		o.Wrap(&entry.user, observation.ValueAt(path+".user", source.Name, string(source.User), expression.User))
	}
	for i := range svc.Spec.Namespaces {
		ns := &svc.Spec.Namespaces[i]
		o.namespace(p.namespaces[ns.Name], fmt.Sprintf("spec.namespaces[%d]", i), ns.Handlers)
	}
	for i := range svc.Spec.DynamicNamespaces {
		o.namespace(p.dynamic[i].namespace, fmt.Sprintf("spec.dynamicNamespaces[%d]", i), svc.Spec.DynamicNamespaces[i].Handlers)
	}
	return o.Sites
}

// observer observes the parts of a program.
type observer struct{ observation.Observer }

func (o *observer) namespace(n *namespace, path string, handlers []v1alpha1.Handler) {
	for i := range n.rooms.source {
		place := fmt.Sprintf("rooms[%d]", i)
		o.room(n.rooms.at(place), path+"."+place)
	}
	compiled := n.handlers()
	for i := range handlers {
		o.handler(compiled[fmt.Sprintf("handlers[%d]", i)], &handlers[i], fmt.Sprintf("%s.handlers[%d]", path, i))
	}
}

func (o *observer) room(rule *roomRule, path string) {
	source := &rule.source
	rule.access.lasting = [len(accessNames)]bool{} // each evaluation is observed
	if source.Allow != nil {
		for _, c := range source.Allow.Conditions() {
			of := &rule.access.conditions[slices.Index(accessNames[:], c.Name)]
			o.Wrap(of, observation.ConditionAt(path+".allow."+c.Name, source.Name, string(c.Condition), expression.Access))
		}
	}
	if rule.autoJoin != nil {
		site := o.Add(observation.ValueAt(path+".autoJoinRooms", source.Name, string(source.AutoJoinRooms), expression.AutoJoin))
		rule.autoJoin.Wrap(func(program cel.Program) cel.Program { return o.Wrapped(program, site) })
	}
	o.Wrap(&rule.info, observation.ValueAt(path+".presenceInfo", source.Name, string(source.PresenceInfo), expression.Member))
}

func (o *observer) handler(h *handler, source *v1alpha1.Handler, path string) {
	o.Wrap(&h.when, observation.ConditionAt(path+".when", source.Event, source.When, expression.Condition))
	site := o.Add(observation.Site{Path: path, Kind: observation.Handler, About: source.Event})
	for i, when := range h.whens {
		if when != nil {
			place := fmt.Sprintf("%s.do[%d].when", path, i)
			o.Wrap(when, observation.ConditionAt(place, source.Event, string(source.Do[i].When), expression.Condition))
		}
	}
	if len(h.steps) == 0 {
		return // the API server refuses such a handler
	}
	first := h.steps[0]
	h.steps[0] = func(r *run) error {
		o.Observe(observation.Observation{Site: site})
		return first(r)
	}
}

// handlers are those of the namespace, by their place.
func (n *namespace) handlers() map[string]*handler {
	lists := append(slices.Collect(maps.Values(n.lifecycle)), n.any)
	lists = slices.AppendSeq(lists, maps.Values(n.events))
	byPlace := map[string]*handler{}
	for _, h := range slices.Concat(lists...) {
		byPlace[h.place] = h
	}
	return byPlace
}

// at returns the rule at a place of the manifest.
func (r *roomRules) at(place string) *roomRule {
	all := slices.AppendSeq(slices.Clone(r.patterns), maps.Values(r.exact))
	return all[slices.IndexFunc(all, func(rule *roomRule) bool { return rule.place == place })]
}

// Accesses are what a rule of a room may be about: the fields of v1alpha1.RoomAccess.
func Accesses() []string { return slices.Clone(accessNames[:]) }

// Judge returns nil if a socket may do something in a room now, and otherwise the error that would
// refuse it. what is one of Accesses. It joins nothing, and counts like any refusal.
func (r *Runtime) Judge(s *socketio.Socket, what, room string) error {
	b := r.bindingOf(r.program.Load(), s)
	switch a := slices.Index(accessNames[:], what); {
	case a < 0:
		return fmt.Errorf("%q is nothing to do in a room; want one of %q", what, accessNames)
	case access(a) == accessJoin:
		if err := r.mayJoin(b, s, []string{room}); err != nil || b.namespace == nil {
			return err
		}
		errs := r.takePlaces(b, s, []string{room})
		places.GiveBack(s, []string{room})
		return errs[0]
	default:
		return r.judgeOf(b, s).allows(access(a), room)
	}
}

// Socket returns a connected socket of this gateway; nil if there is none.
func (r *Runtime) Socket(namespace, id string) *socketio.Socket {
	var found *socketio.Socket
	r.io.Within(namespace, func(ns *socketio.Namespace) { found = ns.Socket(id) })
	return found
}
