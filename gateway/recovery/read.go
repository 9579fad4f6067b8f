// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
)

// readSession reads the session of a subject from the log's leader, and the sequence of its last
// message; eventlog.ErrNotFound if there is none.
func (s *Sessions) readSession(ctx context.Context, subject string) (*record, uint64, error) {
	last, err := s.log.Latest(ctx, subject)
	if err != nil {
		return nil, 0, err
	}
	return s.readSessionTo(ctx, subject, last)
}

// lookUpSession is readSession for many sessions at the same time. Its result may be outdated.
func (s *Sessions) lookUpSession(ctx context.Context, subject string) (*record, uint64, error) {
	last, err := s.lookups.last(ctx, subject)
	if err != nil {
		return nil, 0, err
	}
	return s.readSessionTo(ctx, subject, last)
}

// readSessionTo reads the session whose last message was found. If that does not fit the others, it
// asks the leader.
func (s *Sessions) readSessionTo(ctx context.Context, subject string, last eventlog.Message) (*record, uint64, error) {
	for {
		r, err := s.completeSession(ctx, subject, last)
		if !errors.Is(err, errBrokenChain) {
			return r, last.Sequence, err
		}
		if err := pauseToReread(ctx, err); err != nil {
			return nil, 0, err
		}
		if last, err = s.log.Latest(ctx, subject); err != nil {
			return nil, 0, err
		}
	}
}

// pauseToReread waits for a new record that has replaced the previous messages. If the context ends
// first, it returns why the session could not be read.
func pauseToReread(ctx context.Context, why error) error {
	select {
	case <-time.After(rereadPause):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("read a session: %w", why)
	}
}

// completeSession returns the session up to its last message. If that is a delta, it also reads the
// record and the other deltas.
func (s *Sessions) completeSession(ctx context.Context, subject string, last eventlog.Message) (*record, error) {
	r, d, err := decodeSession(last.Data)
	if err != nil {
		return nil, err
	}
	if r != nil {
		r.fillSequences(last.Sequence)
		return r, nil
	}
	chain := make([]eventlog.Message, 0, d.Index+1)
	take := func(m eventlog.Message) error {
		chain = append(chain, m)
		return nil
	}
	if err := s.log.Fetch(ctx, subject, d.Base, last.Sequence-1, take); err != nil {
		return nil, err
	}
	r, err = foldSession(append(chain, last))
	if !errors.Is(err, errBrokenChain) {
		return r, err
	}
	// The server that answers a direct get may not have the last messages yet. The leader has them.
	chain = chain[:0]
	for from := d.Base; from < last.Sequence; {
		m, err := s.log.Next(ctx, subject, from)
		if err != nil {
			return nil, err
		}
		if m.Sequence < last.Sequence {
			chain = append(chain, m)
		}
		from = m.Sequence + 1
	}
	return foldSession(append(chain, last))
}
