// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"math"
	"sync"
	"time"
)

// askKey identifies a requestAsk of another gateway.
type askKey struct {
	from string
	id   uint64
}

// asks are the open requests of other gateways for acknowledgements. Each ends when the other
// gateway ends it or is lost, or at the deadline that the request has named, since core NATS may
// lose a requestStop. Safe for concurrent use.
type asks struct {
	mu   sync.Mutex
	open map[askKey]openAsk // guarded by mu
}

type openAsk struct {
	stop  func()
	timer *time.Timer // nil without a deadline
}

// add adds an ask, with the function that stops it. If within is 0 it has no deadline.
func (a *asks) add(key askKey, stop func(), within time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[askKey]openAsk{}
	}
	ask := openAsk{stop: stop}
	if within > 0 {
		ask.timer = time.AfterFunc(within, func() { a.end(key) })
	}
	a.open[key] = ask
}

// end stops an ask, if it is still open.
func (a *asks) end(key askKey) {
	a.mu.Lock()
	ask, ok := a.open[key]
	delete(a.open, key)
	a.mu.Unlock()
	if !ok {
		return
	}
	if ask.timer != nil {
		ask.timer.Stop()
	}
	ask.stop()
}

// endOf stops all asks of a gateway.
func (a *asks) endOf(gateway string) {
	a.endAll(func(key askKey) bool { return key.from == gateway })
}

func (a *asks) endAll(which func(askKey) bool) {
	a.mu.Lock()
	var keys []askKey
	for key := range a.open {
		if which(key) {
			keys = append(keys, key)
		}
	}
	a.mu.Unlock()
	for _, key := range keys {
		a.end(key)
	}
}

func (a *asks) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.open)
}

// millisecondsLeft returns the time until a context ends, for the wire: at least 1 if it has a
// deadline, otherwise 0.
func millisecondsLeft(ctx context.Context) uint64 {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return uint64(max(1, time.Until(deadline).Milliseconds()))
}

// milliseconds is the inverse of millisecondsLeft.
func milliseconds(n uint64) time.Duration {
	return time.Duration(min(n, math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond
}
