// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"fmt"
)

// ackTable holds who waits for a client's acknowledgements. Guarded by the socket's mu.
type ackTable struct {
	next    uint64
	waiting map[uint64]chan Args
}

func (t *ackTable) add() (uint64, chan Args) {
	if t.waiting == nil {
		t.waiting = map[uint64]chan Args{}
	}
	id := t.next
	t.next++
	answer := make(chan Args, 1)
	t.waiting[id] = answer
	return id, answer
}

func (t *ackTable) take(id uint64) chan Args {
	answer := t.waiting[id]
	delete(t.waiting, id)
	return answer
}

// abandon ends the wait of everybody: the client has gone.
func (t *ackTable) abandon() {
	for id, answer := range t.waiting {
		close(answer)
		delete(t.waiting, id)
	}
}

// EmitWithAck sends an event and waits for the client's answer, until the context ends or the client goes
// (ErrDisconnected). It must not be called from a handler of the same connection: the answer would wait for the handler.
func (s *Socket) EmitWithAck(ctx context.Context, event string, values ...any) (Args, error) {
	args, err := NewArgs(values...)
	if err != nil {
		return Args{}, fmt.Errorf("emit %s: %w", event, err)
	}
	s.mu.Lock()
	id, answer := s.acks.add()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.acks.take(id)
	}()
	p := &packet{typ: packetEvent, event: event, id: id, hasID: true, payload: args.list(), attachments: args.Attachments}
	if err := s.emit(p); err != nil {
		return Args{}, err
	}
	if !s.Connected() {
		// It went between the two: nobody is left to abandon the wait.
		return Args{}, fmt.Errorf("emit %s: %w", event, ErrDisconnected)
	}
	select {
	case args, ok := <-answer:
		if !ok {
			return Args{}, fmt.Errorf("wait for the acknowledgement of %s: %w", event, ErrDisconnected)
		}
		return args, nil
	case <-ctx.Done():
		return Args{}, fmt.Errorf("wait for the acknowledgement of %s: %w", event, ctx.Err())
	}
}

// onAck hands a client's answer to who waits for it. One that nobody waits for, any more, is ignored.
func (s *Socket) onAck(p *packet) {
	if !p.hasID {
		return
	}
	s.mu.Lock()
	answer := s.acks.take(p.id)
	s.mu.Unlock()
	if answer != nil {
		answer <- Args{JSON: p.payload, Attachments: p.attachments}
	}
}
