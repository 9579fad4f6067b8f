// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

const (
	interval = 150 * time.Millisecond // of quick
	timeout  = 100 * time.Millisecond
)

// atLeast checks that something did not happen too early; how late it may be depends on the machine.
func atLeast(t *testing.T, what string, since time.Time, want time.Duration) {
	t.Helper()
	if took := time.Since(since); took < want {
		t.Errorf("%s after %s, want at least %s", what, took, want)
	}
}

func TestHeartbeatByPolling(t *testing.T) {
	begun := time.Now()
	p := enginetest.Start(t, quick).Poll()
	for range 3 {
		p.Get().Want(t, http.StatusOK, "2")
		atLeast(t, "ping", begun, interval)
		begun = time.Now()
		p.Post("3").Want(t, http.StatusOK, "ok")
	}
	p.WantOpen()
}

func TestHeartbeatByWebSocket(t *testing.T) {
	begun := time.Now()
	socket, session, _ := enginetest.Start(t, quick).WebSocket()
	for range 3 {
		if got := socket.ReadText(); got != "2" {
			t.Fatalf("read %q", got)
		}
		atLeast(t, "ping", begun, interval)
		begun = time.Now()
		socket.Write("3")
	}
	session.WantOpen()
}

func TestPingTimeout(t *testing.T) {
	t.Run("polling, without a poll", func(t *testing.T) {
		begun := time.Now()
		p := enginetest.Start(t, quick).Poll()
		p.WantClosed(engineio.ReasonPingTimeout)
		atLeast(t, "closed", begun, interval+timeout)
		p.WantGone()
	})
	t.Run("polling, with a poll after the ping", func(t *testing.T) {
		begun := time.Now()
		p := enginetest.Start(t, quick).Poll()
		p.Get().Want(t, http.StatusOK, "2")
		p.Get().Want(t, http.StatusOK, "1")
		atLeast(t, "closed", begun, interval+timeout)
		p.WantClosed(engineio.ReasonPingTimeout)
	})
	t.Run("websocket", func(t *testing.T) {
		begun := time.Now()
		socket, session, _ := enginetest.Start(t, quick).WebSocket()
		if got := socket.ReadText(); got != "2" {
			t.Errorf("read %q", got)
		}
		socket.WantClosed(1005)
		atLeast(t, "closed", begun, interval+timeout)
		session.WantClosed(engineio.ReasonPingTimeout)
	})
	t.Run("websocket of a client that is gone", func(t *testing.T) {
		s := enginetest.Start(t, quick)
		raw := s.Connect()
		raw.Write(upgradeRequest(websocket))
		raw.Answer()
		s.Session().WantClosed(engineio.ReasonPingTimeout) // it never reads, and never closes
		enginetest.Eventually(t, "the session to be forgotten", func() bool { return s.Engine.Len() == 0 })
	})
}

func TestDeadlineHoldsToTheMoment(t *testing.T) {
	for range 5 {
		begun := time.Now()
		p := enginetest.Start(t, quick).Poll()
		time.Sleep(time.Until(begun.Add(interval + timeout + 20*time.Millisecond))) // the clock is what is tested
		p.WantGone()
	}
}

func TestPacketExtendsTheDeadlineOnce(t *testing.T) {
	extend := func(c *engineio.Config) { c.PingInterval, c.PingTimeout = 50*time.Millisecond, 400*time.Millisecond }
	socket, session, _ := enginetest.Start(t, extend).WebSocket()
	if got := socket.ReadText(); got != "2" {
		t.Fatalf("read %q", got)
	}
	pinged := time.Now()
	var first time.Time
	for range 3 {
		time.Sleep(100 * time.Millisecond) // the time that passes is what is tested
		socket.Write("4busy")
		session.Message()
		if first.IsZero() {
			first = time.Now()
		}
	}
	session.WantClosed(engineio.ReasonPingTimeout)
	atLeast(t, "closed", pinged, 480*time.Millisecond)
	if late := time.Since(first) - 400*time.Millisecond; late > 90*time.Millisecond {
		t.Errorf("closed %s after the deadline that the first packet set: later ones moved it too", late)
	}
}

func TestPongThatNobodyAskedForDoesNotPutThePingOff(t *testing.T) {
	begun := time.Now()
	socket, _, _ := enginetest.Start(t, func(c *engineio.Config) { c.PingInterval = 300 * time.Millisecond }).WebSocket()
	time.Sleep(200 * time.Millisecond) // the time that passes is what is tested
	socket.Write("3")
	if got := socket.ReadText(); got != "2" {
		t.Errorf("read %q", got)
	}
	if took := time.Since(begun); took >= 500*time.Millisecond {
		t.Errorf("ping after %s", took)
	}
}
