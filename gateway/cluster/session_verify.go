// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// verify finds out why the log has a newer record than this gateway knows. Mostly another gateway has recovered the session. But what was
// sent twice, since its acknowledgement was lost with the stream's leader, may be refused for its own sake.
func (s *session) verify(r *record) {
	ctx, cancel := context.WithTimeout(context.Background(), recoverTimeout)
	defer cancel()
	stored, err := s.log.latest(ctx, sessionSubject(s.log.cluster.service, s.pid))
	if err != nil {
		s.settled(r, 0, errors.Join(errWrongSequence, err))
		return
	}
	last, err := decodeRecord(stored.data)
	switch {
	case err != nil || last.By != r.By:
		s.settled(r, 0, errors.Join(errWrongSequence, err))
	case bytes.Equal(stored.data, r.encode()):
		s.settled(r, stored.number, nil)
	default:
		s.sendAgain(r, stored.number)
	}
}

// sendAgain sends a record behind another one of ours that the log has as the last.
func (s *session) sendAgain(r *record, last uint64) {
	select {
	case <-time.After(rereadPause): // what is in the way may be on its way still
	case <-s.log.cluster.stop:
	}
	s.mu.Lock()
	s.number = last
	over := s.over
	if !over {
		s.send(r)
	}
	s.mu.Unlock()
	if over { // meanwhile; what is to be stored of its end comes next
		s.settled(r, 0, errWrongSequence)
	}
}
