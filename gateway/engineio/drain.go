// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Drain sends all clients elsewhere, at an even pace, so that they do not fall upon the next server together. From now on
// handshakes are refused with 503 and Retry-After. Each session is closed with
// ReasonServerShuttingDown at a random time within its own part of the given duration: its client gets what was sent before, then
// sees its websocket closed, or its poll refused with 503, and connects again.
// Drain returns when all are closed and have fetched what was sent to them, or when the context ends, with an error that
// says how many are left; Close ends those.
func (s *Server) Drain(ctx context.Context, over time.Duration) error {
	s.mu.Lock()
	s.draining = true
	sessions := s.list()
	s.mu.Unlock()

	start := time.Now()
	for i, session := range sessions {
		at := time.Duration((float64(i) + rand.Float64()) / float64(len(sessions)) * float64(over))
		if err := sleepUntil(ctx, start.Add(at)); err != nil {
			return s.drainError(err)
		}
		session.close(ReasonServerShuttingDown, nil, closeDrained)
	}
	for _, session := range sessions {
		select {
		case <-session.done():
		case <-ctx.Done():
			return s.drainError(ctx.Err())
		}
	}
	return nil
}

func (s *Server) drainError(err error) error {
	return fmt.Errorf("drain: %d sessions left: %w", s.Len(), err)
}

func sleepUntil(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
