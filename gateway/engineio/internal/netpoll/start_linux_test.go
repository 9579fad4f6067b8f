// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// A file is what epoll refuses without any limit being reached, as it refuses sockets beyond
// max_user_watches.
func refused(t *testing.T, p *Poller) *Conn {
	t.Helper()
	fd, err := unix.Open(filepath.Join(t.TempDir(), "file"), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return &Conn{loop: p.nextLoop(), fd: fd}
}

// The session is known before its connection is read, so others may be writing when the start
// fails: never to a descriptor that has been closed, and may be another client's by then.
func TestStartFailsWhileOthersWrite(t *testing.T) {
	defer goleak.VerifyNone(t)
	for range 100 {
		c := refused(t, New(nil))
		began, ended := make(chan struct{}), make(chan error)
		go func() {
			close(began)
			for {
				if _, err := c.Write([]byte("x")); err != nil {
					ended <- err
					return
				}
			}
		}()
		<-began
		if err := c.Start(&lastWord{}); !errors.Is(err, unix.EPERM) {
			t.Fatalf("started: %v", err)
		}
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Fatalf("write fails with %v", err)
		}
	}
}

func TestStartThatFailsLeavesNoTimer(t *testing.T) {
	c := refused(t, New(nil))
	_ = c.SetDeadline(time.Now().Add(time.Hour))
	if err := c.Start(&lastWord{}); err == nil {
		t.Fatal("started")
	}
	c.loop.mu.Lock()
	defer c.loop.mu.Unlock()
	if c.deadline != nil {
		t.Error("the deadline's timer runs")
	}
}
