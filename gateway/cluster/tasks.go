// SPDX-License-Identifier: Apache-2.0

package cluster

import "sync"

// tasks are goroutines that Close waits for. Unlike a sync.WaitGroup, tasks can be added at any
// time: handlers may still run, and start one, while Close waits or after it. The zero value is
// ready for use. Safe for concurrent use.
type tasks struct {
	mu      sync.Mutex
	running int           // guarded by mu
	idle    chan struct{} // closed when running is 0; nil if nobody waits; guarded by mu
}

// Go runs a function in a goroutine.
func (t *tasks) Go(f func()) {
	t.begin()
	go func() {
		defer t.end()
		f()
	}()
}

// begin counts a task without a goroutine, which ends with end.
func (t *tasks) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running++
}

func (t *tasks) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	if t.running == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

// Wait returns when no function runs.
func (t *tasks) Wait() {
	t.mu.Lock()
	if t.running == 0 {
		t.mu.Unlock()
		return
	}
	if t.idle == nil {
		t.idle = make(chan struct{})
	}
	idle := t.idle
	t.mu.Unlock()
	<-idle
}
