// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"

	"github.com/google/cel-go/cel"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// roomRule is a rule for rooms, ready to run.
type roomRule struct {
	source   v1alpha1.RoomRule
	presence bool
	// place is where the manifest has it.
	place string
	// info yields what others see of a member; nil: the id alone.
	info cel.Program
}

// roomRules are those of a namespace.
type roomRules struct {
	// exact holds the rules of single rooms, by name. No pattern that comes before matches them: Validate sees to it.
	exact map[string]*roomRule
	// patterns are the others, in the manifest's order.
	patterns []*roomRule
	// autoJoin are the rooms that each socket joins.
	autoJoin []string
	// presence and info tell whether any rule has it.
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

// rule is what holds for a room; nil if no rule does.
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
