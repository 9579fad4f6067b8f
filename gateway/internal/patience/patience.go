// SPDX-License-Identifier: Apache-2.0

// Package patience bounds how long many wait, with one timer for those who begin at about the same
// time. A timer of each one's own takes some 230 bytes.
package patience

import (
	"sync"
	"time"
)

// Patience is how long each may wait. Safe for concurrent use. It has no goroutine.
type Patience struct {
	time time.Duration

	mu sync.Mutex
	// over is closed at until, an eighth later than the first who got it may wait. Guarded by mu.
	over  chan struct{}
	until time.Time
}

// New returns the Patience of those who wait for a time.
func New(d time.Duration) *Patience { return &Patience{time: d} }

// Over returns a channel that is closed when somebody who begins to wait now has waited for long
// enough, or up to an eighth longer.
func (p *Patience) Over() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.over == nil || p.until.Sub(now) < p.time {
		over, lasts := make(chan struct{}), p.time+p.time/8
		p.over, p.until = over, now.Add(lasts)
		time.AfterFunc(lasts, func() { close(over) })
	}
	return p.over
}
