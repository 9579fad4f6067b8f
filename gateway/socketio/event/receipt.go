// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"errors"
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
	// after is the revision that a conditional event follows; nil: any.
	after    *uint64
	revision uint64 // of the last event that was stored; guarded by mu
}

// ErrNewer is the outcome of an event that was to follow another one, if its room has a newer one.
var ErrNewer = errors.New("the room has a newer event")

// NewReceiptAfter returns a Receipt for one event to one room, which is stored only if the newest
// event that was sent to this room alone has that revision; 0: if there is none.
func NewReceiptAfter(revision uint64) *Receipt { return &Receipt{after: &revision} }

// After is for adapters: it returns the revision that the event has to follow.
func (r *Receipt) After() (revision uint64, conditional bool) {
	if r == nil || r.after == nil {
		return 0, false
	}
	return *r.after, true
}

// Stored is for adapters: it reports the revision of a stored event, before Resolve.
func (r *Receipt) Stored(revision uint64) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revision = revision
}

// Revision returns that of the last event that was stored; 0: none was, or the adapter stores
// nothing.
func (r *Receipt) Revision() uint64 {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revision
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
