// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
)

// wire is a connection to NATS that a test blocks.
type wire struct {
	mu      sync.Mutex
	sent    []string
	err     error
	entered chan struct{} // told when publish blocks
	blocked chan struct{} // publish waits for it, unless nil
}

func (w *wire) publish(subject string, _ nats.Header, _ []byte) error {
	w.mu.Lock()
	blocked := w.blocked
	w.mu.Unlock()
	if blocked != nil {
		w.entered <- struct{}{}
		<-blocked
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.sent = append(w.sent, subject)
	}
	return w.err
}

func (w *wire) set(err error, blocked chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err, w.blocked = err, blocked
}

// outgoingOver is what publishes on a wire, until the test ends.
func outgoingOver(t *testing.T, w *wire) (*Outgoing, func() map[string]int) {
	t.Helper()
	var mu sync.Mutex
	dropped := map[string]int{}
	w.entered = make(chan struct{})
	o := &Outgoing{
		publish:   w.publish,
		connected: func() bool { return true },
		dropped: func(reason string) {
			mu.Lock()
			defer mu.Unlock()
			dropped[reason]++
		},
		now:  time.Now,
		more: make(chan struct{}, 1),
	}
	o.idle.L = &o.mu
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { o.Run(stop) })
	t.Cleanup(func() {
		close(stop)
		running.Wait()
	})
	return o, func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		return dropped
	}
}

func TestAConnectionThatBlocksHoldsUpOneGoroutine(t *testing.T) {
	var w wire
	o, dropped := outgoingOver(t, &w)
	blocked := make(chan struct{})
	w.set(nil, blocked)
	var sender sync.WaitGroup
	sender.Go(func() { o.Send("0", nil) })
	<-w.entered
	for i := 1; i < 5; i++ {
		o.Send(fmt.Sprint(i), nil) // returns
	}
	w.set(nil, nil)
	close(blocked)
	sender.Wait()
	o.Close()
	await(t, "all is sent", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.sent) == 5
	})
	if diff := cmp.Diff([]string{"0", "1", "2", "3", "4"}, w.sent); diff != "" || len(dropped()) > 0 {
		t.Errorf("sent (-want +got):\n%s\ndropped %v", diff, dropped())
	}
}

func TestWhatCannotBePublishedIsCounted(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want map[string]int
	}{
		{"too large", nats.ErrMaxPayload, map[string]int{DropTooLarge: 1}},
		{"a failed write", nats.ErrTimeout, map[string]int{DropFailed: 1}},
		{"an end", nats.ErrConnectionClosed, map[string]int{DropClosed: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := wire{err: tt.err}
			o, dropped := outgoingOver(t, &w)
			o.Send("subject", nil)
			if diff := cmp.Diff(tt.want, dropped()); diff != "" {
				t.Errorf("dropped (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatWaitsForNATSIsBounded(t *testing.T) {
	w := wire{err: nats.ErrReconnectBufExceeded}
	o, dropped := outgoingOver(t, &w)
	o.connected = func() bool { return false }
	data := make([]byte, outgoingBytes/4)
	for range 5 {
		o.Send("subject", data)
	}
	if diff := cmp.Diff(map[string]int{DropFull: 2}, dropped()); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	w.set(nil, nil)
	o.Flush()
	if len(w.sent) != 3 || o.bytes != 0 {
		t.Errorf("%d were sent, %d bytes are left", len(w.sent), o.bytes)
	}
}
