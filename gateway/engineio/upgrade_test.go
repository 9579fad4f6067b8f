// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// dialProbe opens a websocket for a polling session.
func dialProbe(s *enginetest.Server, p *enginetest.Poller) *enginetest.Socket {
	return s.Dial(websocket + "&sid=" + p.ID())
}

// probed is dialProbe, and the probe is answered.
func probed(t *testing.T, s *enginetest.Server, p *enginetest.Poller) *enginetest.Socket {
	t.Helper()
	socket := dialProbe(s, p)
	socket.Write("2probe")
	if got := socket.ReadText(); got != "3probe" {
		t.Fatalf("probe answered %q", got)
	}
	return socket
}

func upgraded(t *testing.T, s *enginetest.Server, p *enginetest.Poller) *enginetest.Socket {
	t.Helper()
	socket := probed(t, s, p)
	socket.Write("5")
	enginetest.Eventually(t, "the upgrade", func() bool { return p.Transport() == engineio.WebSocket })
	return socket
}

func wantEcho(t *testing.T, socket *enginetest.Socket) {
	t.Helper()
	socket.Write("4hello")
	if got := socket.ReadText(); got != "4hello" {
		t.Errorf("read %q", got)
	}
}

func TestUpgrade(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	socket := probed(t, s, p)
	p.Get().Want(t, http.StatusOK, "6")
	p.Get().Want(t, http.StatusOK, "6") // and again
	socket.Write("5")
	wantEcho(t, socket)
	if p.Transport() != engineio.WebSocket {
		t.Errorf("transport %q", p.Transport())
	}
	p.WantOpen()
}

func TestPollThatWaitedBeforeTheProbeIsSentAway(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	answer := p.StartGet()
	probed(t, s, p)
	p.Answer(answer).Want(t, http.StatusOK, "6")
}

func TestPollingGoesOnWhileProbing(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	socket := probed(t, s, p)
	p.WantAlive()
	socket.Write("5")
	wantEcho(t, socket)
}

func TestWhatWaitsIsFlushedToTheWebSocket(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	p.Post("4a\x1ebAQ==\x1e4b")
	socket := probed(t, s, p)
	p.Send(engineio.NewText([]byte("c")))
	socket.Write("5")
	for _, want := range []string{"4a", "\x01", "4b", "4c"} {
		if _, got, err := socket.ReadMessage(); err != nil || string(got) != want {
			t.Errorf("read %q, %v, want %q", got, err, want)
		}
	}
}

func TestPollingAfterTheUpgradeIsRefused(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	socket := upgraded(t, s, p)
	p.Get().Want(t, http.StatusBadRequest, enginetest.BadRequest)
	p.Post("4hello").Want(t, http.StatusBadRequest, enginetest.BadRequest)
	wantEcho(t, socket)
}

func TestPollThatWaitsAtTheUpgradeIsRefused(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	socket := probed(t, s, p)
	p.Get().Want(t, http.StatusOK, "6") // the next one comes in time for the upgrade
	answer := p.StartGet()
	socket.Write("5")
	p.Answer(answer).Want(t, http.StatusBadRequest, enginetest.BadRequest)
	wantEcho(t, socket)
}

func TestSecondWebSocketIsClosed(t *testing.T) {
	t.Run("while the first one probes", func(t *testing.T) {
		s := enginetest.Start(t)
		p := s.Poll()
		first := probed(t, s, p)
		dialProbe(s, p).WantClosed(1005)
		first.Write("5")
		wantEcho(t, first)
	})
	t.Run("after the upgrade", func(t *testing.T) {
		s := enginetest.Start(t)
		p := s.Poll()
		first := upgraded(t, s, p)
		dialProbe(s, p).WantClosed(1005)
		wantEcho(t, first)
	})
	t.Run("of a session that never polled", func(t *testing.T) {
		s := enginetest.Start(t)
		first, session, _ := s.WebSocket()
		s.Dial(websocket + "&sid=" + session.ID()).WantClosed(1005)
		wantEcho(t, first)
	})
	t.Run("if upgrades are switched off", func(t *testing.T) {
		s := enginetest.Start(t, with(func(c *engineio.Config) { c.NoUpgrades = true }))
		p := s.Poll()
		dialProbe(s, p).WantClosed(1005)
		p.WantAlive()
	})
}

func TestFailedUpgradeLeavesPolling(t *testing.T) {
	short := with(func(c *engineio.Config) { c.UpgradeTimeout = 50 * time.Millisecond })
	for name, fail := range map[string]func(*testing.T, *enginetest.Server, *enginetest.Poller){
		"other first packet": func(t *testing.T, s *enginetest.Server, p *enginetest.Poller) {
			socket := dialProbe(s, p)
			socket.Write("4hello")
			socket.WantClosed(1005)
		},
		"ping that is no probe": func(t *testing.T, s *enginetest.Server, p *enginetest.Poller) {
			socket := dialProbe(s, p)
			socket.Write("2")
			socket.WantClosed(1005)
		},
		"no packet": func(t *testing.T, s *enginetest.Server, p *enginetest.Poller) {
			socket := dialProbe(s, p)
			socket.Write("abc")
			socket.WantClosed(1005)
		},
		"binary packet": func(t *testing.T, s *enginetest.Server, p *enginetest.Poller) {
			socket := dialProbe(s, p)
			socket.WriteBinary("2probe")
			socket.WantClosed(1005)
		},
		"upgrade without a probe": func(t *testing.T, s *enginetest.Server, p *enginetest.Poller) {
			socket := dialProbe(s, p)
			socket.Write("5")
			socket.WantClosed(1005)
		},
		"message after the probe": func(t *testing.T, s *enginetest.Server, p *enginetest.Poller) {
			socket := probed(t, s, p)
			socket.Write("4hello")
			socket.WantClosed(1005)
		},
		"too many probes": func(t *testing.T, s *enginetest.Server, p *enginetest.Poller) {
			socket := probed(t, s, p)
			for range 7 {
				socket.Write("2probe")
				socket.ReadText()
			}
			socket.Write("2probe")
			socket.WantClosed(1005)
		},
		"dropped at once": func(t *testing.T, s *enginetest.Server, p *enginetest.Poller) {
			dialProbe(s, p).NetConn().Close()
		},
		"dropped after the probe": func(t *testing.T, s *enginetest.Server, p *enginetest.Poller) {
			probed(t, s, p).NetConn().Close()
		},
		"timeout before the probe": func(t *testing.T, s *enginetest.Server, p *enginetest.Poller) {
			dialProbe(s, p).WantClosed(1005)
		},
		"timeout after the probe": func(t *testing.T, s *enginetest.Server, p *enginetest.Poller) {
			probed(t, s, p).WantClosed(1005)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := enginetest.Start(t, short)
			p := s.Poll()
			fail(t, s, p)
			p.WantAlive()
			// Another attempt is welcome, once the server has noticed that the first is over.
			enginetest.Eventually(t, "another upgrade", func() bool {
				socket := dialProbe(s, p)
				socket.Write("2probe")
				_, got, err := socket.ReadMessage()
				return err == nil && string(got) == "3probe"
			})
		})
	}
}

func TestProbeMayComeTwice(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	socket := probed(t, s, p)
	socket.Write("2probe")
	if got := socket.ReadText(); got != "3probe" {
		t.Errorf("read %q", got)
	}
	socket.Write("5")
	wantEcho(t, socket)
}

func TestEndOfTheSessionEndsTheProbe(t *testing.T) {
	for name, end := range map[string]func(*enginetest.Poller){
		"by the client's close packet": func(p *enginetest.Poller) { p.Post("1") },
		"by an invalid packet":         func(p *enginetest.Poller) { p.Post("abc") },
		"by the server, once it is fetched": func(p *enginetest.Poller) {
			p.Close(engineio.ReasonForcedClose)
			p.Get()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := enginetest.Start(t)
			p := s.Poll()
			socket := probed(t, s, p)
			end(p)
			socket.WantClosed(1005)
		})
	}
}

func TestCloseDuringTheUpgradeIsDeliveredByTheWebSocket(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	socket := probed(t, s, p)
	p.Send(engineio.NewText([]byte("last words")))
	p.Close(engineio.ReasonForcedClose)
	socket.Write("5") // the client has stopped polling, and does not know yet
	if got := socket.ReadText(); got != "4last words" {
		t.Errorf("read %q", got)
	}
	socket.WantClosed(1005)
	p.WantClosed(engineio.ReasonForcedClose)
}

func TestHeartbeatSurvivesTheUpgrade(t *testing.T) {
	t.Run("ping over the websocket", func(t *testing.T) {
		s := enginetest.Start(t, quick)
		p := s.Poll()
		socket := upgraded(t, s, p)
		for range 2 {
			if got := socket.ReadText(); got != "2" {
				t.Fatalf("read %q", got)
			}
			socket.Write("3")
		}
		p.WantOpen()
	})
	t.Run("ping by polling is to be answered by the websocket", func(t *testing.T) {
		s := enginetest.Start(t, quick)
		p := s.Poll()
		p.Get().Want(t, http.StatusOK, "2")
		socket := upgraded(t, s, p)
		socket.WantClosed(1005)
		p.WantClosed(engineio.ReasonPingTimeout)
	})
}
