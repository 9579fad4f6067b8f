// SPDX-License-Identifier: Apache-2.0

package netpoll_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/netpoll"
)

func TestAPanicEndsOneConnection(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := netpoll.New(func(value any) { t.Errorf("the poller is told of %v", value) })
	client, server := pair(t)
	good, data := start(t, p, server, "")
	bad, server := pair(t)
	broken, _ := start(t, p, server, "", func(r *recorder) { r.received = func([]byte) { panic("a bug") } })
	if _, err := bad.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, broken.ended); err == nil || err.Error() != "panicked: a bug" {
		t.Errorf("ended with %v", err)
	}
	if _, err := bad.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, data); got != "hello" {
		t.Errorf("received %q", got)
	}
	good.conn.SetDeadline(time.Unix(1, 0))
	receive(t, good.ended)
}

// twice is a handler that panics again when it is told of its panic.
type twice struct{ recorder }

func (h *twice) Panicked(any) { panic("again") }

func TestAConnectionIsClosedWhoseHandlerDoesNotCloseIt(t *testing.T) {
	defer goleak.VerifyNone(t)
	told := make(chan any, 1)
	p := netpoll.New(func(value any) { told <- value })
	client, server := pair(t)
	conn, err := p.Take(server, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &twice{recorder{conn: conn, received: func([]byte) { panic("a bug") }}}
	if err := conn.Start(h); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, told); got != "again" {
		t.Errorf("told %v", got)
	}
	if _, err := client.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
}

func TestTasksAreDoneBehindOneThatPanics(t *testing.T) {
	defer goleak.VerifyNone(t)
	told := make(chan any, 1)
	q := netpoll.New(func(value any) { told <- value }).Queue()
	done := make(chan struct{})
	q.Add(task(func() { panic("a bug") }))
	q.Add(task(func() { close(done) }))
	receive(t, done)
	if got := receive(t, told); got != "a bug" {
		t.Errorf("told %v", got)
	}
}
