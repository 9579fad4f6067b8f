// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// writers write to the sessions for which something was sent soon. There is one for each two processors, so that while
// they write others can read what is to be written next, and each session belongs to one. A writer makes one round after the other over the sessions that wait: while it is on its round, messages
// gather, and the next round takes all that gathered for a session in one system call. So the more there is to do, the less
// each message costs.
type writers struct {
	list []writer
	next atomic.Uint32
}

func newWriters() *writers { return &writers{list: make([]writer, max(1, runtime.GOMAXPROCS(0)/2))} }

// assign spreads the sessions evenly.
func (w *writers) assign() *writer {
	return &w.list[int(w.next.Add(1))%len(w.list)]
}

type writer struct {
	mu sync.Mutex
	// waiting are the sessions for the next round. Guarded by mu.
	waiting []*Session
	// spare is the memory of the last round. Guarded by mu.
	spare []*Session
	// running: a goroutine makes rounds. There is none while there is nothing to do. Guarded by mu.
	running bool

	_ [64]byte // a cache line between two writers
}

// add puts a session on the list for the next round. The session's lock is held.
func (w *writer) add(s *Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, s)
	if !w.running {
		w.running = true
		go w.run()
	}
}

func (w *writer) run() {
	for round := w.begin(); round != nil; round = w.begin() {
		for _, s := range round {
			s.flushSoon()
		}
		w.end(round)
	}
}

// begin takes the sessions that wait, nil if there are none.
func (w *writer) begin() []*Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		w.running = false
		return nil
	}
	round := w.waiting
	w.waiting, w.spare = w.spare, nil
	return round
}

func (w *writer) end(round []*Session) {
	clear(round)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare = round[:0]
}

// flushSoon is a writer's visit.
func (s *Session) flushSoon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed = false
	if s.state != stateClosed {
		s.transport.flush()
	}
	s.taskDone()
}
