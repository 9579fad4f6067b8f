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
	// late is how late the wheel may be, of the longest time here.
	late = 5 * time.Millisecond
)

// between checks that something happened at a time, or a little later. It is for bubbles, where no
// machine is slow.
func between(t *testing.T, what string, since time.Time, want time.Duration) {
	t.Helper()
	if took := time.Since(since); took < want || took > want+late {
		t.Errorf("%s after %s, want %s", what, took, want)
	}
}

// atLeast checks that something did not happen too early; how late it may be depends on the
// machine.
func atLeast(t *testing.T, what string, since time.Time, want time.Duration) {
	t.Helper()
	if took := time.Since(since); took < want {
		t.Errorf("%s after %s, want at least %s", what, took, want)
	}
}

func TestHeartbeatByPolling(t *testing.T) {
	enginetest.InBubble(t, func(t *testing.T, s *enginetest.Server) {
		begun := time.Now()
		p := s.Poll()
		for range 3 {
			p.Get().Want(t, http.StatusOK, "2")
			between(t, "ping", begun, interval)
			begun = time.Now()
			p.Post("3").Want(t, http.StatusOK, "ok")
		}
		p.WantOpen()
	}, quick)
}

func TestHeartbeatByWebSocket(t *testing.T) {
	enginetest.InBubble(t, func(t *testing.T, s *enginetest.Server) {
		begun := time.Now()
		socket, session, _ := s.WebSocket()
		for range 3 {
			if got := socket.ReadText(); got != "2" {
				t.Fatalf("read %q", got)
			}
			between(t, "ping", begun, interval)
			begun = time.Now()
			socket.Write("3")
		}
		session.WantOpen()
	}, quick)
}

func TestPingTimeout(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, s *enginetest.Server){
		"polling, without a poll": func(t *testing.T, s *enginetest.Server) {
			begun := time.Now()
			p := s.Poll()
			p.WantClosed(engineio.ReasonPingTimeout)
			between(t, "closed", begun, interval+timeout)
			p.WantGone()
		},
		"polling, with a poll after the ping": func(t *testing.T, s *enginetest.Server) {
			begun := time.Now()
			p := s.Poll()
			p.Get().Want(t, http.StatusOK, "2")
			p.Get().Want(t, http.StatusOK, "1")
			between(t, "closed", begun, interval+timeout)
			p.WantClosed(engineio.ReasonPingTimeout)
		},
		"websocket": func(t *testing.T, s *enginetest.Server) {
			begun := time.Now()
			socket, session, _ := s.WebSocket()
			if got := socket.ReadText(); got != "2" {
				t.Errorf("read %q", got)
			}
			socket.WantClosed(1005)
			between(t, "closed", begun, interval+timeout)
			session.WantClosed(engineio.ReasonPingTimeout)
		},
	} {
		t.Run(name, func(t *testing.T) { enginetest.InBubble(t, test, quick) })
	}
	t.Run("websocket of a client that is gone, over a network", func(t *testing.T) {
		s := enginetest.Start(t, quick)
		raw := s.Connect()
		raw.Write(upgradeRequest(websocket))
		raw.Answer()
		s.Session().WantClosed(engineio.ReasonPingTimeout) // it never reads, and never closes
		enginetest.Eventually(t, "the session to be forgotten", func() bool { return s.Engine.Len() == 0 })
	})
}

// The wheel may be late. A request that comes before it does not find the session any more.
func TestDeadlineHoldsToTheMoment(t *testing.T) {
	enginetest.InBubble(t, func(t *testing.T, s *enginetest.Server) {
		p := s.Poll()
		time.Sleep(interval + timeout)
		p.WantGone()
	}, quick)
}

func TestPacketExtendsTheDeadlineOnce(t *testing.T) {
	enginetest.InBubble(t, func(t *testing.T, s *enginetest.Server) {
		socket, session, _ := s.WebSocket()
		if got := socket.ReadText(); got != "2" {
			t.Fatalf("read %q", got)
		}
		time.Sleep(timeout / 4)
		socket.Write("4busy")
		first := time.Now()
		session.Message()
		time.Sleep(timeout / 4)
		socket.Write("4busy")
		session.Message()
		session.WantClosed(engineio.ReasonPingTimeout)
		between(t, "closed", first, timeout)
	}, quick)
}

func TestPongThatNobodyAskedForDoesNotPutThePingOff(t *testing.T) {
	enginetest.InBubble(t, func(t *testing.T, s *enginetest.Server) {
		begun := time.Now()
		socket, _, _ := s.WebSocket()
		time.Sleep(interval / 2)
		socket.Write("3")
		if got := socket.ReadText(); got != "2" {
			t.Errorf("read %q", got)
		}
		between(t, "ping", begun, interval)
	}, quick)
}
