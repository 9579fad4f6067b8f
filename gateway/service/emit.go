// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/cel-go/cel"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
)

// defaultAckTimeout is for a service without the defaults of the schema.
const defaultAckTimeout = 5 * time.Second

// emission is an emit action with its expressions compiled.
type emission struct {
	to       v1alpha1.EmitTo
	event    string
	volatile bool
	local    bool
	compress bool
	rooms    []*eval.RoomNames // nil: the whole namespace
	except   []*eval.RoomNames
	// user yields users of an entry of spec.authentication, for EmitToUser.
	user  *eval.RoomNames
	entry string
	args  *eval.Template // nil: none
	ack   *v1alpha1.EmitAck
	// ifRevision yields the revision that the event has to follow; nil: any.
	ifRevision cel.Program
}

func compileEmit(e *v1alpha1.EmitAction) (step, error) {
	m := &emission{to: e.To, entry: e.Entry, event: e.Event, volatile: e.Volatile, local: e.Local, compress: e.Compress == nil || *e.Compress, ack: e.Ack}
	var err error
	if m.rooms, err = eval.CompileRooms(e.Rooms); err != nil {
		return nil, fmt.Errorf("emit, rooms: %w", err)
	}
	if m.except, err = eval.CompileRooms(e.Except); err != nil {
		return nil, fmt.Errorf("emit, except: %w", err)
	}
	if e.To == v1alpha1.EmitToUser {
		if m.user, err = eval.CompileRoomNames(string(e.User)); err != nil {
			return nil, fmt.Errorf("emit, user: %w", err)
		}
	}
	if e.Args != "" {
		if m.args, err = eval.CompileTemplate(string(e.Args)); err != nil {
			return nil, fmt.Errorf("emit, args: %w", err)
		}
	}
	if e.IfRevision != "" {
		if m.ifRevision, err = expression.Compile(expression.Value, string(e.IfRevision)); err != nil {
			return nil, fmt.Errorf("emit, ifRevision: %w", err)
		}
	}
	return m.run, nil
}

func (m *emission) run(r *run) error {
	var args socketio.Args
	var err error
	if m.args != nil {
		if args, err = r.List(m.args); err != nil {
			return fmt.Errorf("emit %s, args: %w", m.event, err)
		}
	}
	if m.to == v1alpha1.EmitToSocket {
		return m.toSocket(r, args)
	}
	audience, err := m.audience(r)
	if err != nil {
		return fmt.Errorf("emit %s, %w", m.event, err)
	}
	audience = audience.Trace(r.trace())
	if m.ack != nil {
		return r.ask(m, func(ctx context.Context) ([]socketio.Args, error) {
			return audience.EmitArgsWithAck(ctx, m.event, args)
		})
	}
	if m.ifRevision != nil {
		return m.runIf(r, audience, args)
	}
	if receipt := r.emitReceipt(); receipt != nil {
		audience = audience.Receipt(receipt)
	}
	return audience.EmitArgs(m.event, args)
}

func (m *emission) toSocket(r *run, args socketio.Args) error {
	receipt, trace := r.emitReceipt(), r.trace()
	if m.ack == nil && m.compress && !m.volatile && receipt == nil && trace == nil {
		return ignoreDisconnected(r.Socket.EmitArgs(m.event, args))
	}
	e := m.emission(r.Socket).Trace(trace)
	if m.ack == nil {
		return ignoreDisconnected(e.Receipt(receipt).EmitArgs(m.event, args))
	}
	return r.ask(m, func(ctx context.Context) ([]socketio.Args, error) {
		answer, err := e.EmitArgsWithAck(ctx, m.event, args)
		if err != nil {
			return nil, err
		}
		return []socketio.Args{answer}, nil
	})
}

// emission returns the emission to the socket alone.
func (m *emission) emission(s *socketio.Socket) *socketio.Emission {
	e := s.Compress(m.compress)
	if m.volatile {
		e = e.Volatile()
	}
	return e
}

// receivers returns the rooms that the event is for; nil: the whole namespace.
func (m *emission) receivers(r *run) ([]string, error) {
	if m.user != nil {
		names, err := r.Names(m.user)
		if err != nil {
			return nil, fmt.Errorf("user: %w", err)
		}
		return r.binding.namespace.users.Rooms(m.entry, names)
	}
	rooms, err := r.AllRooms(m.rooms)
	if err != nil {
		return nil, fmt.Errorf("rooms: %w", err)
	}
	return rooms, r.judge().allows(accessEmit, rooms...)
}

// audience returns the receivers of the event.
func (m *emission) audience(r *run) (*socketio.Broadcast, error) {
	rooms, err := m.receivers(r)
	if err != nil {
		return nil, err
	}
	except, err := r.AllRooms(m.except)
	if err != nil {
		return nil, fmt.Errorf("except: %w", err)
	}
	if m.to == v1alpha1.EmitToOthers {
		except = append(slices.Clip(except), r.Socket.ID())
	}
	audience := r.Socket.Namespace().Aim(socketio.Target{Rooms: rooms, Except: except, Local: m.local})
	if m.volatile {
		audience = audience.Volatile()
	}
	if !m.compress {
		audience = audience.Compress(false)
	}
	return audience, nil
}

// ignoreDisconnected returns nil if the socket has disconnected, which is no fault of the manifest.
func ignoreDisconnected(err error) error {
	if errors.Is(err, socketio.ErrDisconnected) {
		return nil
	}
	return err
}

// ask suspends the run until clients have answered. Other events of the connection are handled
// meanwhile, because the client's own answer may be among the expected ones.
func (r *run) ask(m *emission, ask func(context.Context) ([]socketio.Args, error)) error {
	var answers []socketio.Args
	var err error
	p := &pending{
		aside:   true,
		timeout: cmp.Or(m.ack.Timeout.Duration, defaultAckTimeout),
		wait:    func(ctx context.Context) { answers, err = ask(ctx) },
		then: func(r *run) error {
			r.SetAnswers(answers, err != nil)
			if err != nil && !unanswered(err) {
				return fmt.Errorf("emit %s: %w", m.event, err)
			}
			return nil
		},
	}
	if err := r.await(p); err != nil {
		return fmt.Errorf("emit %s: %w", m.event, err)
	}
	return nil
}

// unanswered reports whether an error only means that a client has not answered, in time or at all.
func unanswered(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, socketio.ErrDisconnected) || errors.Is(err, socketio.ErrManyAcks)
}

// conflictError means that an event is based on an older revision than the newest one of its room.
type conflictError struct{ newest uint64 }

func (e *conflictError) Error() string { return "the room has a newer event" }

// answer is the acknowledgement of the event.
func (e *conflictError) answer() socketio.Args {
	answer, err := json.Marshal([]any{map[string]any{"error": map[string]any{"code": "conflict", "revision": e.newest}}})
	if err != nil {
		return answerFailed
	}
	return socketio.Args{JSON: answer}
}

// runIf emits an event if its room has no newer one than the client has seen, and waits until that
// is decided. However long the log cannot be reached: what a client is told to have failed must not
// be stored later.
func (m *emission) runIf(r *run, audience *socketio.Broadcast, args socketio.Args) error {
	room, err := m.revisedRoom(r)
	if err != nil {
		return fmt.Errorf("emit %s, ifRevision: %w", m.event, err)
	}
	after, err := r.Revision(m.ifRevision)
	if err != nil {
		return fmt.Errorf("emit %s, ifRevision: %w", m.event, err)
	}
	rooms, stores := r.Socket.Namespace().Adapter().(socketio.RoomHistory)
	if !stores {
		return fmt.Errorf("emit %s, ifRevision: %w", m.event, socketio.ErrNoHistory)
	}
	receipt := event.NewReceiptAfter(after)
	if err := audience.Receipt(receipt).EmitArgs(m.event, args); err != nil {
		return err
	}
	return r.await(&pending{wait: func(ctx context.Context) {
		if err = receipt.Wait(ctx); errors.Is(err, event.ErrNewer) {
			err = conflict(ctx, rooms, room)
		}
	}, then: func(r *run) error {
		if err != nil {
			return fmt.Errorf("emit %s: %w", m.event, err)
		}
		r.SetRevision(receipt.Revision())
		return nil
	}})
}

func conflict(ctx context.Context, rooms socketio.RoomHistory, room string) error {
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	newest, err := rooms.NewestRevision(ctx, room)
	if err != nil {
		return err
	}
	return &conflictError{newest}
}

// revisedRoom returns the only room of the event.
func (m *emission) revisedRoom(r *run) (string, error) {
	rooms, err := r.AllRooms(m.rooms)
	if err != nil {
		return "", err
	}
	if len(rooms) != 1 {
		return "", fmt.Errorf("the event is for %d rooms, not one", len(rooms))
	}
	if rule := r.binding.namespace.rule(rooms[0]); rule == nil || rule.source.Ordering != v1alpha1.OrderingRoom {
		return "", errors.New("the room has no revisions: give its rule `ordering: room`")
	}
	return rooms[0], nil
}
