// SPDX-License-Identifier: Apache-2.0

package netpoll_test

import (
	"errors"
	"io"
	"testing"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/netpoll"
)

// busy is a handler that has more to do with what it has received until it may end.
type busy struct {
	recorder
	handled chan struct{}
	end     chan struct{}
	// reads and turns are counted, readsAtEnd is the former when the first of what was read was
	// done. One worker serves at a time.
	reads, turns, readsAtEnd int
}

func (b *busy) Received(data []byte) {
	b.reads++
	b.recorder.Received(data)
}

func (b *busy) Handle() netpoll.Progress {
	b.turns++
	select {
	case b.handled <- struct{}{}:
	default:
	}
	select {
	case <-b.end:
		if b.readsAtEnd == 0 {
			b.readsAtEnd = b.reads
		}
		return netpoll.Done
	default:
		return netpoll.More
	}
}

func TestAHandlerWithMuchToDoTakesTurns(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := netpoll.New(nil)
	client, server := pair(t)
	conn, err := p.Take(server, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &busy{
		recorder: recorder{conn: conn, ended: make(chan error, 10), received: func([]byte) {}},
		handled:  make(chan struct{}), end: make(chan struct{}),
	}
	if err := conn.Start(b); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("much")); err != nil {
		t.Fatal(err)
	}
	receive(t, b.handled)
	if _, err := client.Write([]byte("more")); err != nil { // is not read before
		t.Fatal(err)
	}
	if err := client.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		receive(t, b.handled)
	}
	other, server := pair(t)
	r, data := start(t, p, server, "")
	if _, err := other.Write([]byte("in between")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, data); got != "in between" {
		t.Errorf("another client's %q is received", got)
	}
	receive(t, b.handled)
	close(b.end)
	if err := receive(t, b.ended); !errors.Is(err, io.EOF) {
		t.Errorf("it ends with %v", err)
	}
	if b.readsAtEnd != 1 || b.reads != 2 {
		t.Errorf("there were %d reads, %d of them before all was done", b.reads, b.readsAtEnd)
	}
	other.Close()
	receive(t, r.ended)
}
