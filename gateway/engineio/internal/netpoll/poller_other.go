// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package netpoll

import (
	"errors"
	"net"
	"sync"
	"time"
)

// Poller accepts no connections on this system.
type Poller struct{ tasks tasks }

// Queue queues tasks for a goroutine.
type Queue struct{ *tasks }

// Queue returns the only queue.
func (p *Poller) Queue() Queue { return Queue{&p.tasks} }

// Together calls queue, which adds tasks. The returned channel is closed when all of these are
// done.
func (p *Poller) Together(queue func()) (done <-chan struct{}) {
	queue()
	end := make(mark)
	p.tasks.Add(end)
	return end
}

// Observe measures nothing on this system.
func (p *Poller) Observe(func(time.Duration)) {}

// mark is a task after others.
type mark chan struct{}

// Do is called once.
func (m mark) Do() { close(m) }

// tasks runs tasks one at a time, in a goroutine that exists as long as there are any.
type tasks struct {
	// onPanic is the parameter of New.
	onPanic func(value any)

	mu      sync.Mutex
	waiting []Task // guarded by mu
	running bool   // guarded by mu
}

// Add schedules a task.
func (t *tasks) Add(task Task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, task)
	if !t.running {
		t.running = true
		go t.run()
	}
}

func (t *tasks) run() {
	for round := t.take(); len(round) > 0; round = t.take() {
		for _, task := range round {
			t.do(task)
		}
	}
}

func (t *tasks) do(task Task) {
	defer func() {
		if value := recover(); value != nil {
			t.onPanic(value)
		}
	}()
	task.Do()
}

func (t *tasks) take() []Task {
	t.mu.Lock()
	defer t.mu.Unlock()
	round := t.waiting
	t.waiting = nil
	t.running = len(round) > 0
	return round
}

// Conn is a connection that a Poller reads. There are none on this system.
type Conn struct{}

// New makes a Poller. onPanic, if not nil, is called with the value of a panic of a task.
func New(onPanic func(value any)) *Poller {
	if onPanic == nil {
		onPanic = func(any) {}
	}
	return &Poller{tasks: tasks{onPanic: onPanic}}
}

// Workers returns 0, since no workers read.
func (p *Poller) Workers() int { return 0 }

// Take returns errors.ErrUnsupported. It does not change the connection.
func (p *Poller) Take(net.Conn, []byte) (*Conn, error) { return nil, errors.ErrUnsupported }

// Queue is never called.
func (c *Conn) Queue() Queue { return Queue{} }

// Start is never called.
func (c *Conn) Start(Handler) error { return errors.ErrUnsupported }

// HandOn is never called.
func (c *Conn) HandOn() {}

// Long is never called.
func (c *Conn) Long() {}

// Write is never called.
func (c *Conn) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

// SetDeadline is never called.
func (c *Conn) SetDeadline(time.Time) error { return errors.ErrUnsupported }

// Close is never called.
func (c *Conn) Close() error { return errors.ErrUnsupported }
