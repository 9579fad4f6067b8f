// SPDX-License-Identifier: Apache-2.0

package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/google/cel-go/cel"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// EventForbidden tells a client that it has left a room in which it may not be any more, or has not
// joined one that autoJoinRooms yields: {room, code, rule}.
const EventForbidden = "forbidden"

// access is something that a socket may want in a room.
type access int

const (
	accessJoin access = iota
	accessLeave
	accessEmit
	accessHistory
	accessPresence
)

// accessNames are the fields of v1alpha1.RoomAccess.
var accessNames = [...]string{"join", "leave", "emit", "history", "presence"}

// judgeWork is the work that may be done to judge a socket outside of its own events.
const judgeWork = expression.WorkLimit / 4

// roomAccess is the manifest's, ready to run.
type roomAccess struct {
	audit bool
	// conditions are nil for what everybody may do.
	conditions [len(accessNames)]cel.Program
	// lasting reports which of them are; see expression.CompileLasting.
	lasting [len(accessNames)]bool
}

func compileAccess(a *v1alpha1.RoomAccess) (roomAccess, error) {
	if a == nil {
		return roomAccess{}, nil
	}
	compiled := roomAccess{audit: a.Mode == v1alpha1.AccessAudit}
	for _, c := range a.Conditions() {
		condition, lasting, err := expression.CompileLasting(expression.Access, string(c.Condition))
		if err != nil {
			return compiled, fmt.Errorf("allow.%s: %w", c.Name, err)
		}
		i := slices.Index(accessNames[:], c.Name)
		compiled.conditions[i], compiled.lasting[i] = condition, lasting
	}
	return compiled, nil
}

// The codes of refusals.
const (
	codeForbidden   = "forbidden"
	codeFull        = "room_full"
	codeUnavailable = "unavailable"
)

// forbiddenError means that a rule of rooms does not allow something.
type forbiddenError struct {
	code string
	// rule is where the manifest has the condition, within its namespace.
	rule string
}

func (e *forbiddenError) Error() string { return e.code + ", by " + e.rule }

// refusal is what clients are told about something that is not allowed.
type refusal struct {
	Room string `json:"room,omitempty"`
	Code string `json:"code"`
	Rule string `json:"rule"`
}

func (e *forbiddenError) refusal(room string) refusal {
	return refusal{Room: room, Code: e.code, Rule: e.rule}
}

// answer is the acknowledgement of an event whose handler wanted something that is not allowed.
func (e *forbiddenError) answer() socketio.Args {
	answer, err := json.Marshal([]any{map[string]refusal{"error": e.refusal("")}})
	if err != nil {
		return answerFailed
	}
	return socketio.Args{JSON: answer}
}

// judge decides what one socket may do in rooms. Not for concurrent use.
type judge struct {
	runtime   *Runtime
	binding   *binding
	variables *eval.Variables
	// client is nil outside of the socket's events.
	client *client
}

// judgeOf judges a socket outside of its events, in any goroutine.
func (r *Runtime) judgeOf(b *binding, s *socketio.Socket) judge {
	return judge{runtime: r, binding: b, variables: &eval.Variables{
		Socket: s, Params: b.params, Now: time.Now(), Data: celvalue.DataOf(s), Budget: expression.NewBudget(judgeWork),
	}}
}

func (r *run) judge() judge { return judge{r.client.runtime, r.binding, &r.Variables, r.client} }

// allows returns a *forbiddenError if the manifest does not allow something in one of the rooms.
// The room of the socket itself has no rule.
func (j judge) allows(a access, rooms ...string) error {
	ns := j.binding.namespace
	if ns == nil || !ns.rooms.conditions[a] {
		return nil
	}
	for _, room := range rooms {
		if room == j.variables.Socket.ID() {
			continue
		}
		if err := j.allowsIn(ns.rule(room), a, room); err != nil {
			return err
		}
	}
	return nil
}

func (j judge) allowsIn(rule *roomRule, a access, room string) error {
	if rule == nil || rule.access.conditions[a] == nil {
		return nil
	}
	met, err := j.evaluate(a, rule, room)
	if met {
		return nil
	}
	refused := &forbiddenError{codeForbidden, rule.place + ".allow." + accessNames[a]}
	j.runtime.countRefusal(j, rule, refused, err)
	if rule.access.audit {
		return nil
	}
	return refused
}

func (j judge) evaluate(a access, rule *roomRule, room string) (met bool, err error) {
	var emits *eval.Verdict
	if a == accessEmit && j.client != nil && rule.access.lasting[a] {
		emits = &j.client.emits
	}
	return j.variables.Judge(emits, &rule.access.conditions[a], rule.pattern, room)
}

// refusedRule is the kind of log lines of a condition in a namespace.
type refusedRule struct{ namespace, rule string }

// countRefusal counts what is, or would be, refused. It logs what the manifest's author wants to
// know: what a condition fails to judge, and what an audit finds.
func (r *Runtime) countRefusal(j judge, rule *roomRule, refused *forbiddenError, err error) {
	label, mode := j.binding.label, v1alpha1.AccessEnforce
	if rule.access.audit {
		mode = v1alpha1.AccessAudit
	}
	r.refusals.WithLabelValues(label, refused.rule, string(mode)).Inc()
	r.countLimitHit(err, label, rule.place, func() string { return refused.rule })
	text := "a rule would refuse"
	switch {
	case err != nil:
		text = "a rule fails, which counts as a refusal"
	case !rule.access.audit:
		return
	}
	about := []any{j.variables.Socket.LogAttr()}
	if err != nil {
		about = append(about, "error", err)
	}
	r.logLimit.Warn(r.log.With("namespace", label, "rule", refused.rule, "mode", mode), refusedRule{label, refused.rule}, text, about...)
}

// mayJoin is the join rule of all namespaces; every way into a room asks it. Each room costs a
// subscription, so where clients choose the names, spec.limits.maxRooms bounds them. Capacities are
// no part of it: it is also asked about rooms that nobody joins; see configurePlaces.
func (r *Runtime) mayJoin(b *binding, s *socketio.Socket, rooms []string) error {
	if err := s.CheckJoin(rooms...); err != nil {
		return err
	}
	if b.namespace == nil {
		return nil
	}
	if b.namespace.rooms.conditions[accessJoin] {
		if err := r.judgeOf(b, s).allows(accessJoin, rooms...); err != nil {
			return err
		}
	}
	return nil
}

// expel has the sockets of a namespace leave the rooms in which they may not be any more, each in
// its turn, and tells them.
func (r *Runtime) expel(ns *socketio.Namespace) {
	for _, s := range ns.Sockets() {
		s.InTurn(func() {
			if s.Connected() {
				r.expelFrom(s)
			}
		})
	}
}

func (r *Runtime) expelFrom(s *socketio.Socket) {
	b := r.bindingOf(r.program.Load(), s) // another program may be in force by now
	var refusals []refusal
	s.LeaveWhere(func(room string) bool {
		var refused *forbiddenError
		if !errors.As(r.judgeOf(b, s).allows(accessJoin, room), &refused) {
			return false
		}
		refusals = append(refusals, refused.refusal(room))
		return true
	})
	for _, refused := range refusals {
		r.tell(s, refused)
	}
}

// tell tells a client what it may not do, if that is not the answer to one of its events.
func (r *Runtime) tell(s *socketio.Socket, refused refusal) {
	if err := ignoreDisconnected(s.Emit(EventForbidden, refused)); err != nil {
		r.log.Debug("a client is not told that it may not be in a room", s.LogAttr(), "error", err)
	}
}

// joinsChanged reports whether other sockets may be in the rooms of a namespace than before.
func joinsChanged(before, after *namespace) bool {
	if after == nil || !after.rooms.conditions[accessJoin] {
		return false
	}
	return before == nil || !slices.EqualFunc(before.rooms.source, after.rooms.source, func(a, b v1alpha1.RoomRule) bool {
		return a.Name == b.Name && reflect.DeepEqual(a.Allow, b.Allow)
	})
}
