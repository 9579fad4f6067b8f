// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"sync"
)

// readiness is a state that can be awaited. The zero value is not ready. Safe for concurrent use.
type readiness struct {
	mu    sync.Mutex
	ready bool          // guarded by mu
	once  bool          // it has been ready at some time; guarded by mu
	why   error         // why it is not ready, if that is known; guarded by mu
	come  chan struct{} // closed when it gets ready; nil if nobody waits; guarded by mu
}

func (r *readiness) is() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready
}

// wasOnce reports whether it has been ready at some time.
func (r *readiness) wasOnce() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.once
}

func (r *readiness) set(ready bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready = ready
	r.once = r.once || ready
	if ready {
		r.why = nil
	}
	if ready && r.come != nil {
		close(r.come)
		r.come = nil
	}
}

// failed makes it not ready for a reason.
func (r *readiness) failed(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready, r.why = false, why
}

// reason returns why it is not ready; nil if it is, or if that is not known.
func (r *readiness) reason() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.why
}

// wait returns when it is ready, or the context ends.
func (r *readiness) wait(ctx context.Context) error {
	r.mu.Lock()
	if r.ready {
		r.mu.Unlock()
		return nil
	}
	if r.come == nil {
		r.come = make(chan struct{})
	}
	come := r.come
	r.mu.Unlock()
	select {
	case <-come:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
