// SPDX-License-Identifier: Apache-2.0

package netpoll_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/netpoll"
)

// octet is the byte at an offset of every stream, so that one that is lost, repeated or moved is
// seen.
func octet(offset int) byte { return byte(offset*131 ^ offset>>8) }

func octets(offset, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = octet(offset + i)
	}
	return b
}

// modelled is a connection with the reference: counters of what has to come of it.
type modelled struct {
	t      *testing.T
	name   string
	client net.Conn
	conn   *netpoll.Conn
	over   chan struct{} // closed with the connection
	calls  atomic.Int32  // of the handler that are under way, and have the connection
	// call is the one of Handle that may be handed on; it is true when that has happened, or the
	// call is at its end.
	call     atomic.Pointer[atomic.Bool]
	handedOn atomic.Int32

	mu        sync.Mutex
	sent      int             // by the client
	received  int             // of them
	turns     int             // that Handle still takes for what was received
	written   int             // by the server, as far as the socket took it
	pending   int             // that the socket had no room for: Writable has to come
	read      int             // of written, by the client
	deadlines int             // that have come, of which Ended has not told
	told      chan struct{}   // closed when Ended tells of one; nil while none has come
	lastCall  bool            // the handler closes the connection when it is told of a deadline
	panics    bool            // the handler panics with the next bytes
	wait      chan struct{}   // the handler waits for it; nil: it does not
	letsGo    bool            // of the connection, while it does
	waits     []chan struct{} // for which calls wait that let go
	finished  bool            // the client sends no more
	closed    bool
	endedWith error
}

// enter checks that calls come one at a time, and none comes after the end.
func (m *modelled) enter(call string) (leave func()) {
	if n := m.calls.Add(1); n != 1 {
		m.t.Errorf("%s: %s is one of %d calls at once", m.name, call, n)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		m.t.Errorf("%s: %s after the close", m.name, call)
	}
	return func() { m.calls.Add(-1) }
}

func (m *modelled) Received(data []byte) {
	defer m.enter("Received")()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, b := range data {
		if b != octet(m.received+i) {
			m.t.Errorf("%s: byte %d is not the one that was sent", m.name, m.received+i)
			break
		}
	}
	clear(data)
	if m.turns != 0 {
		m.t.Errorf("%s: received more with %d turns left", m.name, m.turns)
	}
	m.turns = len(data) % 4
	if m.received += len(data); m.received > m.sent {
		m.t.Errorf("%s: received %d bytes of %d", m.name, m.received, m.sent)
	}
	if m.panics {
		panic("told to")
	}
}

func (m *modelled) Handle() netpoll.Progress {
	leave := m.enter("Handle")
	m.mu.Lock()
	wait := m.wait
	m.turns = max(0, m.turns-1)
	more := m.turns > 0
	call := new(atomic.Bool)
	if wait != nil && m.letsGo {
		m.call.Store(call)
		m.wait, m.waits = nil, append(m.waits, wait) // the next call does not wait
	}
	m.mu.Unlock()
	if wait != nil {
		<-wait
	}
	if !call.CompareAndSwap(false, true) {
		return netpoll.HandedOn
	}
	leave()
	if more {
		return netpoll.More
	}
	return netpoll.Done
}

func (m *modelled) HandOn(bool) bool {
	call := m.call.Swap(nil)
	if call == nil || !call.CompareAndSwap(false, true) {
		return false
	}
	m.handedOn.Add(1)
	m.calls.Add(-1)
	return true
}

func (m *modelled) Writable() {
	defer m.enter("Writable")()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pending == 0 {
		m.t.Errorf("%s: Writable, but all is written", m.name)
	}
	m.writeLocked()
}

func (m *modelled) Ended(err error) {
	defer m.enter("Ended")()
	m.mu.Lock()
	defer m.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if m.deadlines--; m.deadlines < 0 {
			m.t.Errorf("%s: told of a deadline that has not come", m.name)
		}
		if m.told != nil {
			close(m.told)
			m.told = nil
		}
		if m.lastCall {
			m.close(err)
		}
		return
	}
	if m.turns != 0 {
		m.t.Errorf("%s: ended with %d turns left", m.name, m.turns)
	}
	if !errors.Is(err, io.EOF) || !m.finished || m.received != m.sent {
		m.t.Errorf("%s: ended with %v after %d bytes of %d, the client is done: %t", m.name, err, m.received, m.sent, m.finished)
	}
	m.close(err)
}

func (m *modelled) Panicked(value any) {
	m.calls.Store(0) // of the call that has panicked
	defer m.enter("Panicked")()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.panics {
		panic(value)
	}
	m.close(fmt.Errorf("panicked: %v", value))
}

// close closes the connection, from within a call. m.mu is held.
func (m *modelled) close(err error) {
	m.conn.Close()
	m.closed, m.endedWith = true, err
	close(m.over)
}

// writeLocked writes what is pending. m.mu is held.
func (m *modelled) writeLocked() {
	n, err := m.conn.Write(octets(m.written, m.pending))
	m.written += n
	m.pending -= n
	if err != nil && !(errors.Is(err, io.ErrShortWrite) && m.pending > 0) {
		m.t.Errorf("%s: wrote %d bytes: %v", m.name, n, err)
	}
}

// step does something at random, which the reference expects to have its effect in the end.
func (m *modelled) step(random *rand.Rand, tasks *tasksDone) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	switch n := random.IntN(100); {
	case n < 30 && !m.finished && m.sent < 200_000: // which a socket has room for, so that the test never waits
		m.send(1 + random.IntN(8000))
	case n < 55:
		if m.pending += 1 + random.IntN(300_000); m.pending > 0 {
			m.writeLocked()
		}
	case n < 75:
		m.take(random.IntN(m.written - m.read + 1))
	case n < 83:
		m.deadlines++ // two may be told of as one
		if m.told == nil {
			m.told = make(chan struct{})
		}
		m.conn.SetDeadline(time.Unix(1, 0))
	case n < 88:
		tasks.add(m.conn.Queue())
	case n < 92 && m.wait == nil:
		m.wait, m.letsGo = make(chan struct{}), random.IntN(3) > 0
	case n < 96:
		m.release()
	case n < 97:
		m.finish()
	case n < 98:
		m.lastCall = true
	case n < 99:
		m.panics = true
	}
}

func (m *modelled) send(n int) {
	if _, err := m.client.Write(octets(m.sent, n)); err != nil {
		m.t.Errorf("%s: send: %v", m.name, err)
	}
	m.sent += n
}

// take has the client read bytes that are on their way.
func (m *modelled) take(n int) {
	got := make([]byte, n)
	if _, err := io.ReadFull(m.client, got); err != nil {
		m.t.Errorf("%s: read: %v", m.name, err)
	}
	for i, b := range got {
		if b != octet(m.read+i) {
			m.t.Errorf("%s: byte %d is not the one that was written", m.name, m.read+i)
			break
		}
	}
	m.read += n
}

func (m *modelled) release() {
	if m.wait != nil {
		close(m.wait)
		m.wait = nil
	}
	for _, wait := range m.waits {
		close(wait)
	}
	m.waits = nil
}

func (m *modelled) finish() {
	if !m.finished {
		m.finished = true
		m.client.(*net.TCPConn).CloseWrite()
	}
}

// settle ends what is open, and compares the end with the reference.
func (m *modelled) settle() {
	m.mu.Lock()
	m.release()
	told := m.told
	m.mu.Unlock()
	if told != nil {
		select {
		case <-told:
		case <-m.over:
		case <-time.After(patience):
			m.t.Fatalf("%s: not told of a deadline", m.name)
		}
	}
	m.mu.Lock()
	if !m.closed {
		m.sendLast()
	}
	m.mu.Unlock()
	receive(m.t, m.over)
	if errors.Is(m.endedWith, io.EOF) { // else bytes may be lost with the connection
		m.take(m.written - m.read)
		if n, err := io.Copy(io.Discard, m.client); n != 0 || err != nil {
			m.t.Errorf("%s: %d bytes more than were written, %v", m.name, n, err)
		}
	}
}

// sendLast makes sure that something comes: bytes, for a handler that panics with them, and then
// the end.
func (m *modelled) sendLast() {
	if !m.finished {
		m.send(1)
	}
	m.finish()
}

// tasksDone counts tasks.
type tasksDone struct {
	t     *testing.T
	added sync.WaitGroup
}

func (d *tasksDone) add(q netpoll.Queue) (did *atomic.Bool) {
	did = new(atomic.Bool)
	d.added.Add(1)
	q.Add(task(func() {
		if did.Swap(true) {
			d.t.Error("a task is done twice")
			return
		}
		d.added.Done()
	}))
	return did
}

// TestAgainstAModel drives connections at random, many at once, and compares each with counters of
// what must have come.
func TestAgainstAModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			defer goleak.VerifyNone(t)
			random := rand.New(rand.NewPCG(seed, 0))
			p := netpoll.New(func(value any) { t.Errorf("the poller is told of %v", value) })
			tasks := &tasksDone{t: t}
			all := make([]*modelled, 12)
			for i := range all {
				all[i] = startModelled(t, p, fmt.Sprint("connection ", i), random.IntN(100))
			}
			for range 1000 {
				if random.IntN(20) == 0 {
					together(t, p, tasks)
				}
				all[random.IntN(len(all))].step(random, tasks)
			}
			handedOn := int32(0)
			for _, m := range all {
				m.settle()
				handedOn += m.handedOn.Load()
			}
			if handedOn == 0 {
				t.Error("no connection was handed on")
			}
			done := make(chan struct{})
			go func() { tasks.added.Wait(); close(done) }()
			receive(t, done)
		})
	}
}

// together adds tasks, all of which must be done when that is said.
func together(t *testing.T, p *netpoll.Poller, tasks *tasksDone) {
	t.Helper()
	var did []*atomic.Bool
	receive(t, p.Together(func() {
		for range 100 { // more than a worker takes at once
			did = append(did, tasks.add(p.Queue()))
		}
	}))
	for i, d := range did {
		if !d.Load() {
			t.Errorf("task %d of %d is not done", i, len(did))
		}
	}
}

// startModelled has a poller read a connection, some of whose bytes have been read already.
func startModelled(t *testing.T, p *netpoll.Poller, name string, early int) *modelled {
	t.Helper()
	client, server := pair(t)
	conn, err := p.Take(server, octets(0, early))
	if err != nil {
		t.Fatal(err)
	}
	m := &modelled{t: t, name: name, client: client, conn: conn, over: make(chan struct{}), sent: early}
	if err := conn.Start(m); err != nil {
		t.Fatal(err)
	}
	return m
}
