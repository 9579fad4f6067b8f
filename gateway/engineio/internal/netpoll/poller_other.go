// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package netpoll

import (
	"errors"
	"net"
	"sync"
	"time"
)

// Poller takes no connections on this system.
type Poller struct{ tasks tasks }

// Queue is where tasks wait for a goroutine.
type Queue struct{ *tasks }

// Queue is the one that there is.
func (p *Poller) Queue() Queue { return Queue{&p.tasks} }

// Together calls queue, which adds tasks. What it returns is closed when all that has been added is done.
func (p *Poller) Together(queue func()) (done <-chan struct{}) {
	queue()
	end := make(mark)
	p.tasks.Add(end)
	return end
}

// mark is a task behind others.
type mark chan struct{}

// Do is done once.
func (m mark) Do() { close(m) }

// tasks are done one after the other, by a goroutine that is there as long as there are any.
type tasks struct {
	// onPanic is New's.
	onPanic func(value any)

	mu      sync.Mutex
	waiting []Task // guarded by mu
	running bool   // guarded by mu
}

// Add has a task done soon.
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

// Conn is a connection that a Poller reads: there is none on this system.
type Conn struct{}

// New makes a Poller. onPanic is told, while that is stopped, if a task panics; nil for nobody.
func New(onPanic func(value any)) *Poller {
	if onPanic == nil {
		onPanic = func(any) {}
	}
	return &Poller{tasks: tasks{onPanic: onPanic}}
}

// Workers is 0: there are none that read.
func (p *Poller) Workers() int { return 0 }

// Take fails with errors.ErrUnsupported. The connection stays as it was.
func (p *Poller) Take(net.Conn, []byte) (*Conn, error) { return nil, errors.ErrUnsupported }

// Queue is never called.
func (c *Conn) Queue() Queue { return Queue{} }

// Start is never called.
func (c *Conn) Start(Handler) error { return errors.ErrUnsupported }

// HandOn is never called.
func (c *Conn) HandOn() {}

// Write is never called.
func (c *Conn) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

// SetDeadline is never called.
func (c *Conn) SetDeadline(time.Time) error { return errors.ErrUnsupported }

// Close is never called.
func (c *Conn) Close() error { return errors.ErrUnsupported }
