// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"slices"
	"time"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
)

// entry is what a socket joins when it connects.
type entry struct {
	rooms []string
	// fixed is the number of rooms that each socket joins if its rule allows that; that it may not
	// join the others, or finds no place, it is told.
	fixed int
}

// entry returns what the socket joins. A client that comes back is in the rooms of its session, and
// may have left those that its claims yield.
func (c *client) entry(b *binding) entry {
	if b.namespace == nil {
		return entry{}
	}
	rules := &b.namespace.rooms
	e := entry{rules.autoJoin, len(rules.autoJoin)}
	e.rooms = b.namespace.users.Complete(c.socket, e.rooms)
	if len(rules.autoJoinRules) == 0 || c.socket.Recovered() {
		return e
	}
	e.rooms = slices.Clone(e.rooms)
	for _, rule := range rules.autoJoinRules {
		e.rooms = append(e.rooms, c.roomsOf(b, rule)...)
	}
	return e
}

// roomsOf returns the rooms that a rule's autoJoinRooms yields.
func (c *client) roomsOf(b *binding, rule *roomRule) []string {
	names, err := c.evaluateAutoJoin(b, rule)
	if err != nil {
		c.runtime.countLimitHit(err, b.label, rule.place, func() string { return "autoJoinRooms" })
		c.autoJoinFailed(b, rule.place+".autoJoinRooms", err)
		c.refuseEntry(b, rule, "")
		return nil
	}
	var rooms []string
	for _, room := range names {
		// Otherwise a claim that is empty, or odd, could lead to a room that no rule guards.
		if b.namespace.rule(room) != rule {
			c.refuseEntry(b, rule, room)
			continue
		}
		rooms = append(rooms, room)
	}
	return rooms
}

func (c *client) evaluateAutoJoin(b *binding, rule *roomRule) (rooms []string, err error) {
	v := &eval.Variables{
		Socket: c.socket, Params: b.params, Now: time.Now(), Data: celvalue.DataOf(c.socket), Budget: expression.NewBudget(judgeWork),
	}
	defer v.Budget.Recover(&err)
	return v.Rooms(rule.autoJoin)
}

// refuseEntry counts and tells that autoJoinRooms leads nowhere.
func (c *client) refuseEntry(b *binding, rule *roomRule, room string) {
	refused := &forbiddenError{codeForbidden, rule.place + ".autoJoinRooms"}
	c.runtime.refusals.WithLabelValues(b.label, refused.rule, string(v1alpha1.AccessEnforce)).Inc()
	c.runtime.tell(c.socket, refused.refusal(room))
}

// autoJoin puts the socket into the rooms that it joins when it connects.
func (c *client) autoJoin(b *binding, e entry) {
	if err := c.joinAll(b.namespace, e); err != nil {
		c.autoJoinFailed(b, "autoJoin", err)
	}
}

// joinAll puts the socket into those of the rooms in which it may be.
func (c *client) joinAll(ns *namespace, e entry) error {
	if !ns.rooms.conditions[accessJoin] && !ns.rooms.capacity {
		return ignoreDisconnected(c.socket.Join(e.rooms...))
	}
	for i, room := range e.rooms {
		err := ignoreDisconnected(c.socket.Join(room))
		refused := (*forbiddenError)(nil)
		switch {
		case err == nil:
		case !errors.As(err, &refused):
			return err
		case i >= e.fixed || refused.code != codeForbidden:
			c.runtime.tell(c.socket, refused.refusal(room))
		}
	}
	return nil
}

func (c *client) autoJoinFailed(b *binding, rule string, err error) {
	b.failures.Inc()
	c.runtime.logLimit.Warn(c.runtime.log.With("namespace", b.label, "rule", rule), [3]string{"autoJoin", b.label, rule},
		"a socket does not join the rooms of autoJoin", c.socket.LogAttr(), "error", err)
}
