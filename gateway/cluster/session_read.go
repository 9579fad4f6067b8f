// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// readSession reads the session of a subject as the log's leader has it, and the number of its last message; errNotFound if there is
// none.
func (l *eventLog) readSession(ctx context.Context, subject string) (*record, uint64, error) {
	last, err := l.latest(ctx, subject)
	if err != nil {
		return nil, 0, err
	}
	return l.readSessionTo(ctx, subject, last)
}

// lookUpSession is readSession for many who ask at the same time. The session may be one that has changed since.
func (l *eventLog) lookUpSession(ctx context.Context, subject string) (*record, uint64, error) {
	last, err := l.lookups.last(ctx, subject)
	if err != nil {
		return nil, 0, err
	}
	return l.readSessionTo(ctx, subject, last)
}

// readSessionTo reads the session of which a last message was found. If that does not fit the rest,
// the leader is asked.
func (l *eventLog) readSessionTo(ctx context.Context, subject string, last storedMessage) (*record, uint64, error) {
	for {
		r, err := l.completeSession(ctx, subject, last)
		if !errors.Is(err, errBrokenChain) {
			return r, last.number, err
		}
		if err := pauseToReread(ctx, err); err != nil {
			return nil, 0, err
		}
		if last, err = l.latest(ctx, subject); err != nil {
			return nil, 0, err
		}
	}
}

// pauseToReread waits for a new record that has taken the place of what was there. It returns why the
// session could not be read, if the context ends before.
func pauseToReread(ctx context.Context, why error) error {
	select {
	case <-time.After(rereadPause):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("read a session: %w", why)
	}
}

// completeSession is the session up to its last message, which may be a delta: then the record and the other deltas are read too.
func (l *eventLog) completeSession(ctx context.Context, subject string, last storedMessage) (*record, error) {
	r, d, err := decodeSession(last.data)
	if err != nil {
		return nil, err
	}
	if r != nil {
		r.settle(last.number)
		return r, nil
	}
	chain := make([]storedMessage, 0, d.Index+1)
	take := func(m storedMessage) error {
		chain = append(chain, m)
		return nil
	}
	if err := l.fetch(ctx, subject, d.Base, last.number-1, take); err != nil {
		return nil, err
	}
	r, err = foldSession(append(chain, last))
	if !errors.Is(err, errBrokenChain) {
		return r, err
	}
	// A server may answer a direct get that has not got the last messages yet. The leader has.
	chain = chain[:0]
	for from := d.Base; from < last.number; {
		m, err := l.getFromLeader(ctx, messageGet{Sequence: from, Next: subject})
		if err != nil {
			return nil, err
		}
		if m.number < last.number {
			chain = append(chain, m)
		}
		from = m.number + 1
	}
	return foldSession(append(chain, last))
}
