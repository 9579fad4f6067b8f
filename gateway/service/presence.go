// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// presenceTimeout bounds the wait for other gateways' members of a room.
	presenceTimeout = 2 * time.Second
	// defaultPresenceLimit is the default of the schema, for a service without it.
	defaultPresenceLimit = 100
	// infoWork is the work budget of presenceInfo: one event may evaluate it for a socket in each
	// of its rooms.
	infoWork = expression.WorkLimit / 20
)

// configurePresence applies the program's rules to the presence of a namespace.
func (r *Runtime) configurePresence(ns *socketio.Namespace, b *binding) {
	compiled, params := b.namespace, b.params
	wanted := compiled != nil && compiled.rooms.presence
	tracker, err := presence.Of(ns)
	switch {
	case err != nil && wanted:
		r.log.Error("rooms have no presence, which the manifest asks for", "error", err)
		return
	case err != nil:
		return // no room has it
	case !wanted:
		tracker.Configure(presence.Config{})
		return
	}
	c := presence.Config{Budget: r.infos, Tracks: func(room string) bool {
		rule := compiled.rule(room)
		return rule != nil && rule.presence
	}}
	if compiled.rooms.conditions[accessPresence] {
		c.Sees = func(s *socketio.Socket, room string) bool {
			return r.judgeOf(b, s).allows(accessPresence, room) == nil
		}
	}
	if compiled.rooms.info {
		c.Info = func(s *socketio.Socket, room string) any { return r.memberInfo(compiled, params, s, room) }
	}
	tracker.Configure(c)
}

// memberInfo returns what other members see of a socket. If the expression fails, for example
// because data is not set yet, they see nothing.
func (r *Runtime) memberInfo(ns *namespace, params map[string]string, s *socketio.Socket, room string) any {
	defer r.panics.Catch(placeHandler)
	rule := ns.rule(room)
	if rule == nil || rule.info == nil {
		return nil
	}
	member := &eval.Member{
		Variables: &eval.Variables{
			Socket: s, Params: params, Now: time.Now(), Data: celvalue.DataOf(s), Budget: expression.NewBudget(infoWork),
		},
		Room:   room,
		Params: rule.pattern.Params(room),
	}
	v, err := member.Eval(rule.info)
	var args socketio.Args
	if err == nil {
		args, err = celvalue.Encode(v, &member.Variables.Budget)
	}
	if err != nil {
		r.countLimitHit(err, r.newBinding(r.program.Load(), s.Namespace().Name()).label, rule.place, func() string { return "presenceInfo" })
	}
	switch {
	case err != nil:
	case len(args.Attachments) > 0:
		err = errors.New("it holds bytes")
	case len(args.JSON) > presence.MaxInfo:
		err = fmt.Errorf("it takes %d bytes of JSON, and may take %d", len(args.JSON), presence.MaxInfo)
	case v == types.NullValue:
		return nil
	default:
		return json.RawMessage(args.JSON)
	}
	r.log.Debug("what others see of a member is left out", "namespace", s.Namespace().Name(), "room", fmt.Sprintf("%.128q", room),
		s.LogAttr(), "error", err)
	return nil
}

// touchPresence updates what other members see of the socket, and what it may see of them, after
// its data have changed.
func (r *run) touchPresence() { r.binding.touchPresence(r.Socket) }

// touchPresence does so after the data or the identity of a socket have changed.
func (b *binding) touchPresence(s *socketio.Socket) {
	if rooms := &b.namespace.rooms; rooms.info || rooms.conditions[accessPresence] {
		if tracker, err := presence.Of(s.Namespace()); err == nil {
			tracker.Touch(s)
		}
	}
}

func compilePresence(a *v1alpha1.PresenceAction) (step, error) {
	room, err := expression.Compile(expression.Text, string(a.Room))
	if err != nil {
		return nil, fmt.Errorf("presence, room: %w", err)
	}
	var after cel.Program
	if a.After != "" {
		if after, err = expression.Compile(expression.Text, string(a.After)); err != nil {
			return nil, fmt.Errorf("presence, after: %w", err)
		}
	}
	limit := defaultPresenceLimit
	if a.Limit != nil {
		limit = int(*a.Limit)
	}
	return ifAckWanted("presence", func(r *run) error { return r.presence(room, after, limit) }), nil
}

// presence answers with the members of a room.
func (r *run) presence(room, after cel.Program, limit int) error {
	name, err := r.Text(room)
	if err != nil {
		return fmt.Errorf("room: %w", err)
	}
	from := ""
	if after != nil {
		if from, err = r.Text(after); err != nil {
			return fmt.Errorf("after: %w", err)
		}
	}
	if err := r.judge().allows(accessPresence, name); err != nil {
		return err
	}
	tracker, err := presence.Of(r.Socket.Namespace())
	if err != nil {
		return err
	}
	var page presence.Page
	return r.await(&pending{timeout: presenceTimeout, wait: func(ctx context.Context) {
		page, err = tracker.Page(ctx, name, from, limit)
	}, then: func(r *run) error {
		if errors.Is(err, presence.ErrNotTracked) {
			return fmt.Errorf("presence: %w", err)
		}
		// Without the other gateways the page has what is known here, and is marked as partial.
		args, err := socketio.NewArgs(&page)
		if err != nil {
			return fmt.Errorf("presence: %w", err)
		}
		r.ack(args)
		return nil
	}})
}
