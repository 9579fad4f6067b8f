// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"

	"github.com/google/cel-go/cel"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/roompattern"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// roomRule is a compiled rule for rooms.
type roomRule struct {
	source   v1alpha1.RoomRule
	pattern  roompattern.Pattern
	presence bool
	access   roomAccess
	// place is the rule's place in the manifest.
	place string
	// autoJoin evaluates which rooms a socket joins when it connects; nil: none.
	autoJoin *eval.RoomNames
	// info evaluates what others see of a member; nil: the id alone.
	info cel.Program
}

// roomRules are the rules of a namespace.
type roomRules struct {
	source []v1alpha1.RoomRule
	// conditions tells which conditions of allow any rule has.
	conditions [len(accessNames)]bool
	// exact has the rules of single rooms, by name. No earlier pattern matches them; Validate
	// checks that.
	exact map[string]*roomRule
	// patterns are the others, in the manifest's order.
	patterns []*roomRule
	// autoJoin are the rooms that each socket joins, and autoJoinRules the rules whose expression
	// yields more.
	autoJoin      []string
	autoJoinRules []*roomRule
	// presence, info and capacity report whether any rule has it.
	presence, info, capacity bool
}

func compileRoomRules(rules []v1alpha1.RoomRule) (roomRules, error) {
	compiled := roomRules{source: rules, exact: map[string]*roomRule{}}
	for i := range rules {
		rule, err := compileRoomRule(&rules[i])
		if err != nil {
			return roomRules{}, fmt.Errorf("rooms[%d], %s: %w", i, rules[i].Name, err)
		}
		rule.place = fmt.Sprintf("rooms[%d]", i)
		compiled.add(rule)
	}
	return compiled, nil
}

func compileRoomRule(source *v1alpha1.RoomRule) (*roomRule, error) {
	rule := &roomRule{source: *source, presence: source.Presence}
	var err error
	if rule.pattern, err = roompattern.Parse(source.Name); err != nil {
		return nil, fmt.Errorf("the name %w", err)
	}
	if rule.access, err = compileAccess(source.Allow); err != nil {
		return nil, err
	}
	if source.AutoJoinRooms != "" {
		if rule.autoJoin, err = eval.CompileAutoJoin(string(source.AutoJoinRooms)); err != nil {
			return nil, fmt.Errorf("autoJoinRooms: %w", err)
		}
	}
	if source.PresenceInfo != "" {
		if rule.info, err = expression.Compile(expression.Member, string(source.PresenceInfo)); err != nil {
			return nil, fmt.Errorf("presenceInfo: %w", err)
		}
	}
	return rule, nil
}

func (r *roomRules) add(rule *roomRule) {
	r.presence = r.presence || rule.presence
	r.info = r.info || rule.info != nil
	r.capacity = r.capacity || rule.source.Capacity != nil
	for a, condition := range rule.access.conditions {
		r.conditions[a] = r.conditions[a] || condition != nil
	}
	if rule.source.AutoJoin {
		r.autoJoin = append(r.autoJoin, rule.source.Name)
	}
	if rule.autoJoin != nil {
		r.autoJoinRules = append(r.autoJoinRules, rule)
	}
	if rule.pattern.IsExact() {
		r.exact[rule.source.Name] = rule
	} else {
		r.patterns = append(r.patterns, rule)
	}
}

// rule returns the rule for a room; nil if there is none, as for the rooms of users.
func (n *namespace) rule(room string) *roomRule {
	if userroom.Is(room) {
		return nil
	}
	if rule := n.rooms.exact[room]; rule != nil {
		return rule
	}
	for _, rule := range n.rooms.patterns {
		if rule.pattern.Matches(room) {
			return rule
		}
	}
	return nil
}

// configure applies the program's rules to a namespace: who may connect, and to which rooms.
func (r *Runtime) configure(ns *socketio.Namespace) {
	b := r.newBinding(r.program.Load(), ns.Name())
	var authenticator func(*socketio.Socket) (func() error, error) // nil: those who come back are not judged
	if b.namespace != nil && b.namespace.authentication != nil {
		authenticator = r.authenticate
	}
	ns.SetAuthenticator(authenticator)
	ns.AddressUsers(b.namespace != nil && b.namespace.users.Addressed)
	ns.SetJoinRule(func(s *socketio.Socket, rooms []string) error { return r.mayJoin(b, s, rooms) })
	r.configurePresence(ns, b)
	r.configurePlaces(ns, b)
	compiled := b.namespace
	rooms, ok := ns.Adapter().(socketio.RoomPolicies)
	if !ok {
		return // nothing is stored, so nothing can be kept or ordered
	}
	rooms.SetRoomPolicy(func(room string) socketio.RoomPolicy {
		if compiled == nil {
			return socketio.RoomPolicy{}
		}
		return r.policy(ns, b, room)
	})
}

// policy returns the policy of a room for the event log.
func (r *Runtime) policy(ns *socketio.Namespace, b *binding, room string) socketio.RoomPolicy {
	rule := b.namespace.rule(room)
	if rule == nil {
		return socketio.RoomPolicy{}
	}
	p := socketio.RoomPolicy{Revisions: rule.source.Ordering == v1alpha1.OrderingRoom}
	if h := rule.source.History; h != nil {
		p.HistoryMessages, p.HistoryAge = int(h.MaxMessages), h.MaxAge.Duration.Duration
		p.HistoryOnJoin = h.OnJoin == nil || *h.OnJoin
		if rule.access.conditions[accessHistory] != nil {
			p.HistoryTo = func(id string) bool {
				s := ns.Socket(id)
				return s != nil && r.judgeOf(b, s).allows(accessHistory, room) == nil
			}
		}
	}
	return p
}
