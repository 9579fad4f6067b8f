// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"
	"iter"
	"slices"
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
	if a.After == "" {
		return ifAckWanted("history", func(r *run) error { return r.history(room, before, limit) }), nil
	}
	after, err := expression.Compile(expression.Value, string(a.After))
	if err != nil {
		return nil, fmt.Errorf("history, after: %w", err)
	}
	return ifAckWanted("history", func(r *run) error { return r.historyAfter(room, after, limit) }), nil
}

// historyRoom evaluates to the name of a room whose history the socket may read.
func (r *run) historyRoom(room cel.Program) (string, error) {
	name, err := r.Text(room)
	if err != nil {
		return "", fmt.Errorf("room: %w", err)
	}
	return name, r.judge().allows(accessHistory, name)
}

// historyAfter answers with the events of a room after one of them.
func (r *run) historyAfter(room, after cel.Program, limit int) error {
	name, err := r.historyRoom(room)
	if err != nil {
		return err
	}
	above, err := r.Revision(after)
	if err != nil {
		return fmt.Errorf("after: %w", err)
	}
	rooms, ok := r.Socket.Namespace().Adapter().(socketio.RoomHistory)
	if !ok {
		return fmt.Errorf("history: %w", socketio.ErrNoHistory)
	}
	var events []socketio.PastEvent
	var reaches bool
	return r.await(&pending{timeout: historyTimeout, wait: func(ctx context.Context) {
		events, reaches, err = rooms.HistoryAfter(ctx, name, above, limit+1, maxPageBytes)
	}, then: func(r *run) error {
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		return r.ackPage(historyPageAfter(name, events, limit, above != 0 && !reaches))
	}})
}

// history answers with a page of a room's history.
func (r *run) history(room, before cel.Program, limit int) error {
	name, err := r.historyRoom(room)
	if err != nil {
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
		return r.ackPage(historyPage(name, events, limit))
	}})
}

func (r *run) ackPage(page ref.Val) error {
	args, err := celvalue.Encode(types.NewRefValList(types.DefaultTypeAdapter, []ref.Val{page}), nil)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	r.ack(args)
	return nil
}

// fitting returns how many of the events a page takes from the first on: as many as the limit,
// maxPageBytes and a packet's attachments allow.
func fitting(events iter.Seq2[int, socketio.PastEvent], limit int) (n int) {
	attachments, bytes := 0, 0
	for _, e := range events {
		attachments += len(e.Args.Attachments)
		bytes += e.Size()
		if n == limit || attachments > socketio.MaxAttachments || bytes > maxPageBytes && n > 0 {
			break
		}
		n++
	}
	return n
}

// historyPage returns the newest of the events that fit.
func historyPage(room string, events []socketio.PastEvent, limit int) ref.Val {
	first := len(events) - fitting(slices.Backward(events), limit)
	next := ref.Val(types.NullValue)
	if first > 0 && first < len(events) {
		next = types.Uint(events[first].Revision)
	}
	return celvalue.Map(map[string]ref.Val{
		"room":   types.String(room),
		"events": eventList(events[first:]),
		"next":   next,
	})
}

// historyPageAfter returns the oldest of the events that fit. gap reports whether some before them
// may be missing.
func historyPageAfter(room string, events []socketio.PastEvent, limit int, gap bool) ref.Val {
	end := fitting(slices.All(events), limit)
	next := ref.Val(types.NullValue)
	if end > 0 && end < len(events) {
		next = types.Uint(events[end-1].Revision)
	}
	return celvalue.Map(map[string]ref.Val{
		"room":   types.String(room),
		"events": eventList(events[:end]),
		"next":   next,
		"gap":    types.Bool(gap),
	})
}

func eventList(events []socketio.PastEvent) ref.Val {
	list := make([]ref.Val, 0, len(events))
	for _, e := range events {
		list = append(list, celvalue.Map(map[string]ref.Val{
			"event":    types.String(e.Event),
			"args":     celvalue.FromJSON(e.Args.List(), celvalue.Origin{Attachments: e.Args.Attachments}),
			"revision": types.Uint(e.Revision),
			"time":     types.Timestamp{Time: e.Time},
		}))
	}
	return types.NewRefValList(types.DefaultTypeAdapter, list)
}
