// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"github.com/google/cel-go/cel"

	"github.com/realtime-operator/realtime-operator/api/roompattern"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Verdict remembers for a socket of which room a lasting condition (expression.CompileLasting) was
// true last: most clients speak in one room most of the time. The zero value remembers nothing. Not
// safe for concurrent use.
type Verdict struct{ last *verdict }

// verdict names all that the condition reads, so that nobody has to say when it is out of date.
type verdict struct {
	condition *cel.Program
	room      string
	identity  *socketio.Identity
	data      *celvalue.Data
	// work is what finding out has cost.
	work int
}

// Judge evaluates a condition about the socket and a room that matches a pattern. What is
// remembered need not be evaluated again; nil is for a condition that does not last. The address of
// a condition stands for its program.
func (v *Variables) Judge(d *Verdict, condition *cel.Program, pattern roompattern.Pattern, room string) (met bool, err error) {
	defer v.Budget.Recover(&err)
	now := verdict{condition, room, v.Socket.Identity(), v.Data, 0}
	if d != nil && d.last != nil && d.last.is(now) {
		// An event's outcome must not depend on those before it.
		v.Budget.Charge(d.last.work)
		return true, nil
	}
	before := v.Budget.Spent()
	member := &Member{Variables: v, Room: room, Params: pattern.Params(room)}
	if met, err = member.Condition(*condition); met && d != nil {
		now.work = v.Budget.Spent() - before
		d.keep(now)
	}
	return met, err
}

func (d *Verdict) keep(v verdict) {
	if d.last == nil {
		d.last = new(verdict)
	}
	*d.last = v
}

// is reports whether a condition was true of what is asked now.
func (v *verdict) is(now verdict) bool {
	return v.condition == now.condition && v.room == now.room && v.identity == now.identity && v.data == now.data
}
