// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"

	"github.com/google/cel-go/cel"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// roomRule is a compiled rule for rooms.
type roomRule struct {
	source   v1alpha1.RoomRule
	presence bool
	// place is the rule's place in the manifest.
	place string
	// info evaluates what others see of a member; nil: the id alone.
	info cel.Program
}

// roomRules are the rules of a namespace.
type roomRules struct {
	// exact has the rules of single rooms, by name. No earlier pattern matches them; Validate
	// checks that.
	exact map[string]*roomRule
	// patterns are the others, in the manifest's order.
	patterns []*roomRule
	// autoJoin are the rooms that each socket joins.
	autoJoin []string
	// presence and info report whether any rule has it.
	presence, info bool
}

func compileRoomRules(rules []v1alpha1.RoomRule) (roomRules, error) {
	compiled := roomRules{exact: map[string]*roomRule{}}
	for i := range rules {
		rule := &roomRule{source: rules[i], presence: rules[i].Presence, place: fmt.Sprintf("rooms[%d]", i)}
		if rules[i].PresenceInfo != "" {
			var err error
			if rule.info, err = expression.Compile(expression.Member, string(rules[i].PresenceInfo)); err != nil {
				return roomRules{}, fmt.Errorf("rooms[%d], %s, presenceInfo: %w", i, rules[i].Name, err)
			}
		}
		compiled.presence = compiled.presence || rule.presence
		compiled.info = compiled.info || rule.info != nil
		if rules[i].AutoJoin {
			compiled.autoJoin = append(compiled.autoJoin, rules[i].Name)
		}
		if rules[i].IsPattern() {
			compiled.patterns = append(compiled.patterns, rule)
		} else {
			compiled.exact[rules[i].Name] = rule
		}
	}
	return compiled, nil
}

// rule returns the rule for a room; nil if there is none.
func (n *namespace) rule(room string) *roomRule {
	if rule := n.rooms.exact[room]; rule != nil {
		return rule
	}
	for _, rule := range n.rooms.patterns {
		if rule.source.Matches(room) {
			return rule
		}
	}
	return nil
}

// configureRooms applies the program's rules to the rooms of a namespace.
func (r *Runtime) configureRooms(ns *socketio.Namespace) {
	ns.SetJoinRule(mayJoin)
	r.configurePresence(ns)
	compiled, _ := r.program.Load().find(ns.Name())
	rooms, ok := ns.Adapter().(socketio.RoomPolicies)
	if !ok {
		return // nothing is stored, so nothing can be kept or ordered
	}
	rooms.SetRoomPolicy(func(room string) socketio.RoomPolicy {
		if compiled == nil {
			return socketio.RoomPolicy{}
		}
		return compiled.policy(room)
	})
}

// mayJoin is the join rule of all namespaces; every way into a room asks it. Each room costs a
// subscription, so spec.limits.maxRooms bounds the rooms that clients choose.
func mayJoin(s *socketio.Socket, rooms []string) error { return s.CheckJoin(rooms...) }

// policy returns the policy of a room for the event log.
func (n *namespace) policy(room string) socketio.RoomPolicy {
	rule := n.rule(room)
	if rule == nil {
		return socketio.RoomPolicy{}
	}
	p := socketio.RoomPolicy{Revisions: rule.source.Ordering == v1alpha1.OrderingRoom}
	if h := rule.source.History; h != nil {
		p.HistoryMessages, p.HistoryAge = int(h.MaxMessages), h.MaxAge.Duration.Duration
		p.HistoryOnJoin = h.OnJoin == nil || *h.OnJoin
	}
	return p
}
