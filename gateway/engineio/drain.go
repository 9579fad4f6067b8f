// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Pace is how fast Drain sends clients away.
type Pace struct {
	// Rate is how many clients are told to go in a second; 0: as few as let the last one go at the end of Within.
	Rate int
	// Within bounds the time until the last one is told. The rate is raised where it would take longer.
	Within time.Duration
}

// Over is how long it takes to tell so many clients.
func (p Pace) Over(sessions int) time.Duration {
	if p.Rate <= 0 {
		return p.Within
	}
	return min(time.Duration(float64(sessions)/float64(p.Rate)*float64(time.Second)), p.Within)
}

// slot is when a session is told to go, counted from the begin: at a random time within its own part of the whole, so that
// the pace is even and the clients of several servers that leave together do not march in step. random is from [0, 1).
func (p Pace) slot(i, sessions int, random float64) time.Duration {
	return time.Duration((float64(i) + random) / float64(sessions) * float64(p.Over(sessions)))
}

// Refuse refuses handshakes from now on, with 503 and Retry-After, as Drain does. Sessions stay.
func (s *Server) Refuse() { s.refuse() }

// Drain sends all clients elsewhere, at an even pace, so that they do not fall upon the next server together. From now on
// handshakes are refused with 503 and Retry-After. Each session is closed with ReasonServerShuttingDown when the pace has come to
// it: its client gets what was sent before, then sees its websocket closed, or its poll refused with 503, and connects again.
// Drain returns when all are closed and have fetched what was sent to them, or when the context ends, with an error that
// says how many are left; Close ends those.
func (s *Server) Drain(ctx context.Context, pace Pace) error {
	sessions := s.refuse()
	start := time.Now()
	for i, session := range sessions {
		at := start.Add(pace.slot(i, len(sessions), rand.Float64()))
		select {
		case <-time.After(time.Until(at)):
		case <-ctx.Done():
			return s.drainError(ctx.Err())
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
