// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// neighbour is a client that is to notice nothing of what others do: it sends and expects the echo
// until stop is called, and answers pings.
func neighbour(t *testing.T, s *enginetest.Server) (stop func()) {
	t.Helper()
	socket, session, _ := s.WebSocket()
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for echoes := 0; ; echoes++ {
			select {
			case <-quit:
				if echoes == 0 {
					t.Error("neighbour had no turn")
				}
				return
			default:
			}
			sent := time.Now()
			socket.Write("4hello")
			socket.SetReadDeadline(sent.Add(enginetest.Patience))
			for got := ""; got != "4hello"; {
				if got = socket.ReadText(); got == "2" {
					socket.Write("3")
				}
			}
			session.Message()
			// Generous, since the machine may be busy with other tests; an offender that is waited
			// for takes longer.
			if took := time.Since(sent); took > 2*time.Second {
				t.Errorf("neighbour waited %s", took)
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		session.WantOpen()
	}
}

func TestSlowPostsAreGivenUp(t *testing.T) {
	s := enginetest.Start(t, lively)
	stop := neighbour(t, s)
	var raws []*enginetest.Raw
	var sessions []*enginetest.Session
	for range 50 {
		p := s.Poll()
		sessions = append(sessions, p.Session)
		raw := s.Connect()
		raw.Write("POST /engine.io/?" + p.Query + " HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n4dripping")
		raws = append(raws, raw)
	}
	for i, session := range sessions {
		if closed := <-session.Closed(); closed.Err == nil && closed.Reason != engineio.ReasonPingTimeout {
			t.Errorf("session %d closed by %q", i, closed.Reason)
		}
		raws[i].WantEnd()
	}
	stop()
}

func TestBodyThatNobodyReadsIsNotWaitedFor(t *testing.T) {
	cors := with(func(c *engineio.Config) { c.CORS = &engineio.CORS{Origins: []string{"*"}} })
	s := enginetest.Start(t, lively, cors)
	stop := neighbour(t, s)
	for name, head := range map[string]string{
		"post to a session unknown": "POST /engine.io/?" + polling + "&sid=x HTTP/1.1\r\nContent-Length: 100\r\n",
		"chunked post to one":       "POST /engine.io/?" + polling + "&sid=x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
		"bad handshake method":      "PUT /engine.io/?" + polling + " HTTP/1.1\r\nContent-Length: 100\r\n",
		"another path":              "POST /elsewhere HTTP/1.1\r\nContent-Length: 100\r\n",
		"preflight":                 "OPTIONS /engine.io/?" + polling + " HTTP/1.1\r\nContent-Length: 100\r\n",
		"handshake with a body":     "GET /engine.io/?" + polling + " HTTP/1.1\r\nContent-Length: 100\r\n",
		"post that is too large":    "POST /engine.io/?" + s.Poll().Query + " HTTP/1.1\r\nContent-Length: 2000000\r\n",
		"poll with a body":          "GET /engine.io/?" + s.Poll().Query + " HTTP/1.1\r\nContent-Length: 100\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			raw := s.Connect()
			raw.Write(head + "Host: x\r\n\r\n")
			raw.WantEnd()
		})
	}
	stop()
}

func TestHalfOpenClientsAreForgotten(t *testing.T) {
	enginetest.InBubble(t, func(t *testing.T, s *enginetest.Server) {
		neighbour, session, _ := s.WebSocket()
		for range 30 {
			s.Poll() // and nothing more

			raw := s.Connect() // a websocket that never reads
			raw.Write(upgradeRequest(websocket))
			raw.Answer()
			s.Session()

			p := s.Poll() // an upgrade that stops half way, over a session that is not polled
			probe := s.Dial(websocket + "&sid=" + p.ID())
			probe.Write("2probe")
		}
		begun := time.Now()
		for time.Since(begun) < interval+timeout+time.Second { // as long as they are given, and a close frame
			if got := neighbour.ReadText(); got != "2" {
				t.Fatalf("read %q", got)
			}
			neighbour.Write("3")
		}
		if n := s.Engine.Len(); n != 1 {
			t.Errorf("%d half-open sessions are not forgotten", n-1)
		}
		session.WantOpen()
	}, quick)
}

func TestFloodOfHandshakes(t *testing.T) {
	const room = 50
	s := enginetest.Start(t, lively, with(func(c *engineio.Config) { c.MaxSessions = room }))
	stop := neighbour(t, s)
	var flood sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	for range 8 {
		flood.Go(func() {
			for range 100 {
				a, err := s.Send(s.Request("GET", polling, nil))
				if err != nil {
					t.Error(err)
					return
				}
				if n := s.Engine.Len(); n > room {
					t.Errorf("%d sessions", n)
				}
				mu.Lock()
				answers[a.Status]++
				mu.Unlock()
			}
		})
	}
	flood.Wait()
	if answers[http.StatusOK] < room-1 || answers[http.StatusServiceUnavailable] == 0 || len(answers) != 2 {
		t.Errorf("answers %v", answers)
	}
	stop()
	enginetest.Eventually(t, "the flood to be forgotten", func() bool { return s.Engine.Len() <= 1 })
	if a := s.Do("GET", polling, ""); a.Status != http.StatusOK {
		t.Errorf("after the flood: answered %d", a.Status)
	}
}

func TestHandshakesBeyondTheBoundAreRefused(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxSessions = 1 }))
	p := s.Poll()
	a := s.Do("GET", polling, "")
	a.Want(t, http.StatusServiceUnavailable, `{"code":4,"message":"Too many sessions"}`)
	if got := a.Header.Get("Retry-After"); got != "5" {
		t.Errorf("Retry-After %q", got)
	}
	socket, a := s.TryDial(websocket)
	if socket != nil || !strings.Contains(a.Body, "Too many sessions") {
		t.Errorf("websocket answered %d %q", a.Status, a.Body)
	}
	s.NoSession()
	socket = upgraded(t, s, p) // what lives may change its transport
	p.Close(engineio.ReasonForcedClose)
	socket.WantClosed(1005)
	enginetest.Eventually(t, "room", func() bool { return s.Engine.Len() == 0 })
	s.Poll()
}
