// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
)

// Pace is the speed at which Drain sends clients away.
type Pace struct {
	// Rate is the number of clients per second. If 0, the clients are spread evenly over Within.
	Rate int
	// Within bounds the time until the last client is told. The rate is raised if it would take
	// longer.
	Within time.Duration
	// Cause is what is counted for each client; by default ending.Drain.
	Cause ending.Cause
}

// Over returns how long it takes to send that many clients away.
func (p Pace) Over(sessions int) time.Duration {
	if p.Rate <= 0 {
		return p.Within
	}
	return min(time.Duration(float64(sessions)/float64(p.Rate)*float64(time.Second)), p.Within)
}

// slot is when a session is told to go, relative to the start: at a random time within its own part
// of the whole, so that the pace is even and servers that drain together do not act at the same
// moments. random is from [0, 1).
func (p Pace) slot(i, sessions int, random float64) time.Duration {
	return time.Duration((float64(i) + random) / float64(sessions) * float64(p.Over(sessions)))
}

// Refuse refuses handshakes from now on, with 503 and Retry-After, as Drain does. Sessions are not
// affected.
func (s *Server) Refuse() { s.refuse() }

// Drain sends all clients to other servers at an even pace, so that they do not arrive there
// together. From now on handshakes are refused with 503 and Retry-After. Each session is closed
// with ReasonServerShuttingDown in its turn: its client receives what was sent before, then sees
// its WebSocket closed, or its poll refused with 503, and reconnects. Drain returns when all
// sessions are closed and their clients have fetched what was sent to them. If the context ends
// before, it returns an error that has the number of remaining sessions; Close ends those.
func (s *Server) Drain(ctx context.Context, pace Pace) error {
	sessions := s.refuse()
	start, mode := time.Now(), closeDrained
	mode.cause = cmp.Or(pace.Cause, ending.Drain)
	for i, session := range sessions {
		at := start.Add(pace.slot(i, len(sessions), rand.Float64()))
		select {
		case <-time.After(time.Until(at)):
		case <-ctx.Done():
			return s.drainError(ctx.Err())
		}
		session.close(ReasonServerShuttingDown, nil, mode)
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
