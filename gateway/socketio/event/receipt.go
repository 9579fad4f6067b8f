// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"sync"
)

// Receipt reports whether events were stored, for adapters that store events before they deliver
// them, as package cluster does with recovery. Emit returns when such an adapter has accepted the
// event; only later is it known whether it was stored. Pass a Receipt to Broadcast.Receipt or
// Emission.Receipt of package socketio. One Receipt may collect any number of events. The zero
// value is ready for use. Safe for concurrent use; must not be copied. Methods of a nil Receipt do
// nothing and report success.
type Receipt struct {
	mu       sync.Mutex
	expected int           // guarded by mu
	open     int           // events without an outcome; guarded by mu
	err      error         // of the first event that was not stored; guarded by mu
	waiting  []func(error) // guarded by mu
}

// Expect is for adapters: it announces one event whose outcome Resolve will report.
func (r *Receipt) Expect() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected++
	r.open++
}

// Resolve is for adapters: it reports the outcome of one expected event. A nil error means that the
// event is stored, any other that it never will be.
func (r *Receipt) Resolve(err error) {
	if r == nil {
		return
	}
	r.mu.Lock()
	r.open--
	if r.err == nil {
		r.err = err
	}
	if r.open > 0 && r.err == nil {
		r.mu.Unlock()
		return
	}
	waiting, err := r.waiting, r.err
	r.waiting = nil
	r.mu.Unlock()
	for _, f := range waiting {
		f(err)
	}
}

// Expected returns the number of collected events that are stored or were to be stored. It is 0 if
// the adapter stores nothing. Volatile and local events do not count.
func (r *Receipt) Expected() int {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.expected
}

// Notify calls f once: with nil when all collected events are stored, or with the first error. It
// calls f at once if the outcome is known already, otherwise in another goroutine. f must not
// block.
func (r *Receipt) Notify(f func(error)) {
	if r == nil {
		f(nil)
		return
	}
	r.mu.Lock()
	if r.open > 0 && r.err == nil {
		r.waiting = append(r.waiting, f)
		r.mu.Unlock()
		return
	}
	err := r.err
	r.mu.Unlock()
	f(err)
}

// Wait returns nil when all collected events are stored, the first error if one of them never will
// be, or the context's error. It must not be called from a handler, which would delay the socket's
// other events.
func (r *Receipt) Wait(ctx context.Context) error {
	outcome := make(chan error, 1)
	r.Notify(func(err error) { outcome <- err })
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
