// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"math"
	"math/rand/v2"
	"time"
)

// The Manager's defaults: reconnectionDelay, reconnectionDelayMax and randomizationFactor.
const (
	firstWait     = time.Second
	longestWait   = 5 * time.Second
	backoffJitter = 0.5
)

// Backoff is how long a client waits before it tries again, as socket.io-client's Backoff has it.
type Backoff struct {
	// Scale is what every wait is multiplied by: 1 is stock.
	Scale    float64
	Random   *rand.Rand
	attempts int
}

// Next is the time to wait. It doubles with each attempt since the last reset.
func (b *Backoff) Next() time.Duration {
	ms := float64(firstWait.Milliseconds()) * math.Pow(2, float64(b.attempts))
	b.attempts++
	r := b.Random.Float64()
	deviation := math.Floor(r * backoffJitter * ms)
	if int(r*10)&1 == 0 {
		ms -= deviation
	} else {
		ms += deviation
	}
	ms = math.Min(ms, float64(longestWait.Milliseconds()))
	return time.Duration(ms * b.Scale * float64(time.Millisecond))
}

// Reset is for a client that has connected: the next wait is the shortest again.
func (b *Backoff) Reset() { b.attempts = 0 }
