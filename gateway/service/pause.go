// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// pause is what a step waits for that holds up the other events of the connection, and how it goes on.
type pause struct {
	wait func()
	then step // nil: with the next step
}

// after lets the run stand still until a function has returned, which may wait for NATS. The function runs in a goroutine of its own:
// expressions have made the stack deep on which the run is now, and a gateway may wait for many clients at once. A client that is
// leaving waits for nothing.
func (r *run) after(wait func(), then step) error {
	p := &pause{wait, then}
	if r.leaving() {
		wait()
		return p.goOn(r)
	}
	r.pause = p
	return nil
}

func (p *pause) goOn(r *run) error {
	if p.then == nil {
		return nil
	}
	return p.then(r)
}

// leaving tells whether what becomes of the socket does not wait for the run.
func (r *run) leaving() bool {
	return r.event == nil && r.name != v1alpha1.EventConnection
}

// wait goes on with the run when what it stands still for is there.
func (r *run) wait() {
	if r.question != nil {
		r.client.await(r)
		return
	}
	p := r.pause
	r.pause = nil
	r.socket.After(p.wait, func() {
		if err := r.take(p.goOn); err != nil {
			r.client.runtime.failed(r, fmt.Errorf("do[%d]: %w", r.step-1, err))
			r.next()
		}
		r.client.runtime.proceed(r)
	})
}
