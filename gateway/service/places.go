// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/places"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// configurePlaces applies the program's capacities to a namespace.
func (r *Runtime) configurePlaces(ns *socketio.Namespace, b *binding) {
	var capacity func(string) int
	if compiled := b.namespace; compiled != nil && compiled.rooms.capacity {
		capacity = compiled.capacity
	}
	if err := places.Configure(ns, capacity); err != nil {
		r.log.Error("rooms have no capacity, which the manifest asks for: nobody may join them", "error", err)
	}
}

// capacity returns that of a room; 0: none.
func (n *namespace) capacity(room string) int {
	if rule := n.rule(room); rule != nil && rule.source.Capacity != nil {
		return int(*rule.source.Capacity)
	}
	return 0
}

// takePlaces gives a socket a place in each of the rooms that have a capacity, or in none.
func (r *Runtime) takePlaces(b *binding, s *socketio.Socket, rooms []string) error {
	keeper, missing := places.Of(s.Namespace())
	var taken []string
	for _, room := range rooms {
		rule := b.namespace.rule(room)
		if rule == nil || rule.source.Capacity == nil {
			continue
		}
		err := missing
		if err == nil {
			err = keeper.Take(s.ID(), room, int(*rule.source.Capacity))
		}
		if err != nil && r.refusePlace(b, s, rule, err) {
			for _, room := range taken {
				keeper.Release(s.ID(), room)
			}
			return &forbiddenError{codeOf(err), rule.place + ".capacity"}
		}
		if err == nil {
			taken = append(taken, room)
		}
	}
	return nil
}

func codeOf(err error) string {
	if errors.Is(err, places.ErrFull) {
		return codeFull
	}
	return codeUnavailable
}

// refusePlace counts that a socket finds no place, and reports whether it is refused. It logs what
// an audit finds, and that nobody can tell.
func (r *Runtime) refusePlace(b *binding, s *socketio.Socket, rule *roomRule, err error) bool {
	place, mode := rule.place+".capacity", v1alpha1.AccessEnforce
	if rule.access.audit {
		mode = v1alpha1.AccessAudit
	}
	r.refusals.WithLabelValues(b.label, place, string(mode)).Inc()
	full := errors.Is(err, places.ErrFull)
	if full && !rule.access.audit {
		return true
	}
	text := "a rule would refuse"
	if !full {
		text = "nobody can tell whether a room has a place, which counts as a refusal"
	}
	log := r.log.With("namespace", b.label, "rule", place, "mode", mode)
	r.logLimit.Log(refusedRule{b.label, place},
		func() { log.Warn(text, "socket", s.LogID(), "error", err) },
		func(more int) { log.Warn(fmt.Sprintf("%s: %d more in the last minute", text, more)) })
	return !rule.access.audit
}
