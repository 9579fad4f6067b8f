// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// historyTimeout bounds the time to read a room's history.
	historyTimeout = 5 * time.Second
	// defaultHistoryLimit is the default of the schema, for a service without it.
	defaultHistoryLimit = 50
	// maxPageBytes bounds a page of a history. It is one packet, which must fit into the client's
	// queue.
	maxPageBytes = 1 << 20
)

func compileHistory(a *v1alpha1.HistoryAction) (step, error) {
	room, err := expression.Compile(expression.Text, string(a.Room))
	if err != nil {
		return nil, fmt.Errorf("history, room: %w", err)
	}
	var before cel.Program
	if a.Before != "" {
		if before, err = expression.Compile(expression.Value, string(a.Before)); err != nil {
			return nil, fmt.Errorf("history, before: %w", err)
		}
	}
	limit := defaultHistoryLimit
	if a.Limit != nil {
		limit = int(*a.Limit)
	}
	return ifAckWanted("history", func(r *run) error { return r.history(room, before, limit) }), nil
}

// history answers with a page of a room's history.
func (r *run) history(room, before cel.Program, limit int) error {
	name, err := r.Text(room)
	if err != nil {
		return fmt.Errorf("room: %w", err)
	}
	if err := r.judge().allows(accessHistory, name); err != nil {
		return err
	}
	var below uint64
	if before != nil {
		if below, err = r.Revision(before); err != nil {
			return fmt.Errorf("before: %w", err)
		}
	}
	rooms, ok := r.Socket.Namespace().Adapter().(socketio.RoomHistory)
	if !ok {
		return fmt.Errorf("history: %w", socketio.ErrNoHistory)
	}
	var events []socketio.PastEvent
	return r.await(&pending{timeout: historyTimeout, wait: func(ctx context.Context) {
		// One more than requested shows whether there are more.
		events, err = rooms.History(ctx, name, below, limit+1, maxPageBytes)
	}, then: func(r *run) error {
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		return r.ackHistory(name, events, limit)
	}})
}

func (r *run) ackHistory(name string, events []socketio.PastEvent, limit int) error {
	args, err := celvalue.Encode(types.NewRefValList(types.DefaultTypeAdapter, []ref.Val{historyPage(name, events, limit)}), nil)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	r.ack(args)
	return nil
}

// historyPage returns the newest of the events, as many as the limit, maxPageBytes and a packet's
// attachments allow.
func historyPage(room string, events []socketio.PastEvent, limit int) ref.Val {
	first, attachments, bytes := len(events), 0, 0
	for first > 0 && len(events)-first < limit {
		next := &events[first-1]
		attachments += len(next.Args.Attachments)
		bytes += next.Size()
		if attachments > socketio.MaxAttachments || bytes > maxPageBytes && first < len(events) {
			break
		}
		first--
	}
	page := make([]ref.Val, 0, len(events)-first)
	for _, e := range events[first:] {
		args := e.Args.JSON
		if len(args) == 0 {
			args = []byte("[]")
		}
		page = append(page, celvalue.Map(map[string]ref.Val{
			"event":    types.String(e.Event),
			"args":     celvalue.FromJSON(args, celvalue.Origin{Attachments: e.Args.Attachments}),
			"revision": types.Uint(e.Revision),
			"time":     types.Timestamp{Time: e.Time},
		}))
	}
	next := ref.Val(types.NullValue)
	if first > 0 && first < len(events) {
		next = types.Uint(events[first].Revision)
	}
	return celvalue.Map(map[string]ref.Val{
		"room":   types.String(room),
		"events": types.NewRefValList(types.DefaultTypeAdapter, page),
		"next":   next,
	})
}
