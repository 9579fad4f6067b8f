// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// SiteKind is what is at a place of a manifest.
type SiteKind string

const (
	// SiteHandler is a handler. It is observed when its first action begins.
	SiteHandler SiteKind = "handler"
	// SiteCondition decides something by true or false.
	SiteCondition SiteKind = "condition"
	// SiteValue yields any other value.
	SiteValue SiteKind = "value"
)

// Site is a place of a manifest that a Program evaluates or runs.
type Site struct {
	// Path is the place, such as spec.namespaces[1].rooms[0].allow.join.
	Path string
	Kind SiteKind
	// About is the event of a handler, the pattern of a room, or the name of an entry.
	About string
	// Source is the expression, of the kind Expression; empty for a handler.
	Source     string
	Expression expression.Kind
}

// Observation is one evaluation, or run of a handler.
type Observation struct {
	*Site
	// Vars are the variables. They are valid until observe returns; nil for a handler.
	Vars   cel.Activation
	Result ref.Val
	Err    error
}

// Observe has a function called after each evaluation of a program's conditions, and before each
// run of a handler, in the goroutine of that. It returns the places. svc is what the program was
// compiled from. It must be called before the program is applied. A program that is not observed
// pays nothing.
func (p *Program) Observe(svc *v1alpha1.RealtimeService, observe func(Observation)) []*Site {
	o := &observer{observe: observe}
	for i, rule := range svc.Spec.Protocol.Admission {
		site := Site{fmt.Sprintf("spec.protocol.admission[%d].expression", i), SiteCondition, rule.Message, string(rule.Expression), expression.Admission}
		o.wrap(&p.admission[i].condition, site)
	}
	for i := range svc.Spec.Authentication {
		source := &svc.Spec.Authentication[i]
		entry, path := p.authentication.byName[source.Name], fmt.Sprintf("spec.authentication[%d]", i)
		o.wrap(&entry.allow, Site{path + ".allow", SiteCondition, source.Name, string(source.Allow), expression.Client})
		o.wrap(&entry.user, Site{path + ".user", SiteValue, source.Name, string(source.User), expression.User})
	}
	for i := range svc.Spec.Namespaces {
		ns := &svc.Spec.Namespaces[i]
		o.namespace(p.namespaces[ns.Name], fmt.Sprintf("spec.namespaces[%d]", i), ns.Handlers)
	}
	for i := range svc.Spec.DynamicNamespaces {
		o.namespace(p.dynamic[i].namespace, fmt.Sprintf("spec.dynamicNamespaces[%d]", i), svc.Spec.DynamicNamespaces[i].Handlers)
	}
	return o.sites
}

// observer puts itself around expressions and handlers.
type observer struct {
	observe func(Observation)
	sites   []*Site
}

func (o *observer) namespace(n *namespace, path string, handlers []v1alpha1.Handler) {
	for i := range n.rooms.source {
		o.room(n.rooms.at(i), fmt.Sprintf("%s.rooms[%d]", path, i))
	}
	compiled := n.handlers()
	for i := range handlers {
		o.handler(compiled[fmt.Sprintf("handlers[%d]", i)], &handlers[i], fmt.Sprintf("%s.handlers[%d]", path, i))
	}
}

func (o *observer) room(rule *roomRule, path string) {
	source := &rule.source
	if source.Allow != nil {
		for _, c := range source.Allow.Conditions() {
			of := &rule.access.conditions[slices.Index(accessNames[:], c.Name)]
			o.wrap(of, Site{path + ".allow." + c.Name, SiteCondition, source.Name, string(c.Condition), expression.Access})
		}
	}
	if rule.autoJoin != nil {
		site := o.add(Site{path + ".autoJoinRooms", SiteValue, source.Name, string(source.AutoJoinRooms), expression.AutoJoin})
		rule.autoJoin.Wrap(func(program cel.Program) cel.Program { return observed{program, site, o.observe} })
	}
	o.wrap(&rule.info, Site{path + ".presenceInfo", SiteValue, source.Name, string(source.PresenceInfo), expression.Member})
}

func (o *observer) handler(h *handler, source *v1alpha1.Handler, path string) {
	o.wrap(&h.when, Site{path + ".when", SiteCondition, source.Event, source.When, expression.Condition})
	site := o.add(Site{Path: path, Kind: SiteHandler, About: source.Event})
	for i, when := range h.whens {
		if when != nil {
			place := fmt.Sprintf("%s.do[%d].when", path, i)
			o.wrap(when, Site{place, SiteCondition, source.Event, string(source.Do[i].When), expression.Condition})
		}
	}
	if len(h.steps) == 0 {
		return // the API server refuses such a handler
	}
	first := h.steps[0]
	h.steps[0] = func(r *run) error {
		o.observe(Observation{Site: site})
		return first(r)
	}
}

// wrap observes an expression, if there is one.
func (o *observer) wrap(program *cel.Program, site Site) {
	if *program != nil {
		*program = observed{*program, o.add(site), o.observe}
	}
}

func (o *observer) add(site Site) *Site {
	o.sites = append(o.sites, &site)
	return &site
}

// observed is a program whose evaluations are told.
type observed struct {
	cel.Program
	site    *Site
	observe func(Observation)
}

func (p observed) Eval(vars any) (ref.Val, *cel.EvalDetails, error) {
	result, details, err := p.Program.Eval(vars)
	activation, _ := vars.(cel.Activation) // all of this package are
	p.observe(Observation{p.site, activation, result, err})
	return result, details, err
}

func (p observed) ContextEval(_ context.Context, vars any) (ref.Val, *cel.EvalDetails, error) {
	return p.Eval(vars)
}

// handlers are those of the namespace, by their place.
func (n *namespace) handlers() map[string]*handler {
	byPlace := map[string]*handler{}
	for _, list := range append(slices.Collect(maps.Values(n.lifecycle)), slices.Collect(maps.Values(n.events))...) {
		for _, h := range list {
			byPlace[h.place] = h
		}
	}
	for _, h := range n.any {
		byPlace[h.place] = h
	}
	return byPlace
}

// at returns the rule at a place of the manifest.
func (r *roomRules) at(i int) *roomRule {
	place := fmt.Sprintf("rooms[%d]", i)
	for _, rule := range r.exact {
		if rule.place == place {
			return rule
		}
	}
	for _, rule := range r.patterns {
		if rule.place == place {
			return rule
		}
	}
	return nil
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
		return r.mayJoin(b, s, []string{room})
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
