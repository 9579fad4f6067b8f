// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// verify finds out why the log has a newer message than this gateway knows. Usually another gateway
// has recovered the session. But a message that was sent twice, since its acknowledgement was lost
// with the stream's leader, may be refused because of itself.
//
//nolint:contextcheck // it is bounded by the gateway's life, whoever waits
func (s *session) verify(w *sessionWrite) {
	ctx, cancel := context.WithTimeout(s.owner.life, recoverTimeout)
	defer cancel()
	stored, err := s.log.Latest(ctx, wire.SessionSubject(s.owner.config.Service, s.pid))
	by := ""
	if err == nil {
		by, err = writerOf(stored.Data)
	}
	switch {
	case err != nil || by != s.writer():
		s.complete(w, 0, errors.Join(outbox.ErrWrongSequence, err))
	case bytes.Equal(stored.Data, w.data):
		s.complete(w, stored.Sequence, nil)
	default:
		s.sendAgain(w, stored.Sequence)
	}
}

// writer returns the id under which this gateway writes the session.
func (s *session) writer() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.By
}

// writerOf returns the writer of a message of a session.
func writerOf(data []byte) (string, error) {
	r, d, err := decodeSession(data)
	switch {
	case err != nil:
		return "", err
	case d != nil:
		return d.By, nil
	}
	return r.By, nil
}

// sendAgain sends the complete record in place of a message, after another message of this gateway
// that is the last one in the log.
func (s *session) sendAgain(w *sessionWrite, last uint64) {
	select {
	case <-time.After(rereadPause): // the message that is in the way may still be in flight
	case <-s.owner.stop:
	}
	s.mu.Lock()
	s.chain.last = last
	isOver := s.machine.state == over
	if !isOver {
		s.chain.interrupt()
		flight := s.machine.flight
		s.send(s.encodeRecord())
		s.machine.flight = flight // what was newer than the message still is
	}
	s.mu.Unlock()
	if isOver { // it has ended meanwhile; its last record comes next
		s.complete(w, 0, outbox.ErrWrongSequence)
	}
}
