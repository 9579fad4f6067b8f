// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// lastWord is a handler that closes its connection, and then does not come back until it may.
type lastWord struct {
	conn           *Conn
	entered, leave chan struct{}
}

func (h *lastWord) Received([]byte) {
	h.conn.Close()
	close(h.entered)
	<-h.leave
}
func (h *lastWord) Handle() Progress { return Done }
func (h *lastWord) HandOn(bool) bool { return false }
func (h *lastWord) Writable()        {}
func (h *lastWord) Ended(error)      {}
func (h *lastWord) Panicked(any)     { h.conn.Close() }

type taskFunc func()

func (t taskFunc) Do() { t() }

// A handler that waits holds up no task, even if its connection was the last and nobody looks for
// such handlers any more.
func TestTaskWhileTheHandlerOfTheLastConnectionWaits(t *testing.T) {
	defer goleak.VerifyNone(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := New(nil).Take(server, []byte("early"))
	if err != nil {
		t.Fatal(err)
	}
	h := &lastWord{conn: conn, entered: make(chan struct{}), leave: make(chan struct{})}
	defer close(h.leave)
	if err := conn.Start(h); err != nil {
		t.Fatal(err)
	}
	<-h.entered
	looks := func() bool {
		conn.loop.mu.Lock()
		defer conn.loop.mu.Unlock()
		return conn.loop.ticking
	}
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(patience); looks(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it is looked for for ever")
		}
	}
	done := make(chan struct{})
	conn.Queue().Add(taskFunc(func() { close(done) }))
	select {
	case <-done:
	case <-deadline:
		t.Fatal("the task is not done")
	}
}

// Connections that went on and on are looked past for others, but not when all are gone.
func TestTaskWhenConnectionsThatWentOnAreGone(t *testing.T) {
	defer goleak.VerifyNone(t)
	l := &loop{onPanic: func(value any) { t.Error(value) }, again: turnsAtOnce}
	done := make(chan struct{})
	l.soon(taskFunc(func() { close(done) }))
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the task is not done")
	}
}
