// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// addressed runs a server whose clients choose their addresses.
func addressed(t *testing.T, configure ...func(*engineio.Config)) *enginetest.Server {
	t.Helper()
	return enginetest.StartOn(t, func(h http.Handler) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if address := r.Header.Get("X-Test-Address"); address != "" {
				r.RemoteAddr = address
			}
			h.ServeHTTP(w, r)
		}))
	}, configure...)
}

func from(address string) []string { return []string{"X-Test-Address", address} }

func TestSessionsPerAddress(t *testing.T) {
	reasons := make(chan engineio.RefusalReason, 10_000)
	s := addressed(t, func(c *engineio.Config) {
		c.MaxSessionsPerAddress = 2
		c.OnRefused = func(r engineio.RefusedHandshake) { reasons <- r.Reason }
	})
	ada := s.Do("GET", polling, "", from("192.0.2.1:1")...)
	ada.Want(t, http.StatusOK, ada.Body)
	first := s.Session()
	ws, a := s.TryDial(websocket, from("192.0.2.1:2")...)
	if a.Status != http.StatusSwitchingProtocols {
		t.Fatalf("the second is answered %d", a.Status)
	}
	second := s.Session()
	second.SetAdmitted(true)

	// Whatever the transport, and before anything is made of it.
	a = s.Do("GET", polling, "", from("192.0.2.1:3")...)
	a.Want(t, http.StatusTooManyRequests, `{"code":4,"message":"Too many sessions from your address"}`)
	wantRetryAfter(t, a)
	if _, a := s.TryDial(websocket, from("192.0.2.1:3")...); a.Status != http.StatusTooManyRequests || a.Body != "Too many sessions from your address" {
		t.Errorf("a websocket is answered %d %s", a.Status, a.Body)
	}
	for range 2 {
		if got := <-reasons; got != engineio.RefusedAddress {
			t.Errorf("refused because of %s", got)
		}
	}
	if n := s.Engine.Len(); n != 2 {
		t.Errorf("%d sessions", n)
	}
	// Others are not concerned, and neither are the requests of the sessions.
	for _, other := range []string{"192.0.2.2:1", "[2001:db8::1]:1"} {
		if a := s.Do("GET", polling, "", from(other)...); a.Status != http.StatusOK {
			t.Errorf("%s is answered %d", other, a.Status)
		}
		s.Session()
	}
	if a := s.Do("POST", polling+"&sid="+ada.SessionID(), "4hello", from("192.0.2.1:9")...); a.Status != http.StatusOK {
		t.Errorf("a message is answered %d", a.Status)
	}
	first.Message()

	ws.Close()
	enginetest.Eventually(t, "the place of who has left is free", func() bool {
		return s.Do("GET", polling, "", from("192.0.2.1:4")...).Status == http.StatusOK
	})
}

// Handshakes that come together are all admitted before the first of them has a session.
func TestHandshakesTogetherKeepToTheSessionsPerAddress(t *testing.T) {
	const clients = 5
	var admitted sync.WaitGroup
	admitted.Add(clients)
	s := addressed(t, func(c *engineio.Config) {
		c.MaxSessionsPerAddress = 2
		c.AllowRequest = func(*http.Request) error {
			admitted.Done()
			admitted.Wait()
			return nil
		}
	})
	answers := make(chan int, clients)
	for range clients {
		go func() { answers <- s.Do("GET", polling, "", from("192.0.2.1:1")...).Status }()
	}
	got := map[int]int{}
	for range clients {
		got[<-answers]++
	}
	if got[200] != 2 || got[429] != 3 {
		t.Errorf("answers by status: %v", got)
	}
}

func TestANetworkOfIPv6IsOneAddress(t *testing.T) {
	s := addressed(t, func(c *engineio.Config) { c.MaxSessionsPerAddress = 1 })
	for _, test := range []struct {
		address string
		status  int
	}{
		{"[2001:db8:0:1::1]:1", 200}, {"[2001:db8:0:1:2:3:4:5]:1", 429}, {"[2001:db8:0:2::1]:1", 200},
	} {
		if a := s.Do("GET", polling, "", from(test.address)...); a.Status != test.status {
			t.Errorf("%s is answered %d", test.address, a.Status)
		}
	}
}

func TestUnadmittedSessionsPerAddress(t *testing.T) {
	reasons := make(chan engineio.RefusalReason, 10_000)
	s := addressed(t, func(c *engineio.Config) {
		c.MaxUnadmittedPerAddress = 1
		c.OnRefused = func(r engineio.RefusedHandshake) { reasons <- r.Reason }
	})
	handshake := func(status int) {
		t.Helper()
		if a := s.Do("GET", polling, "", from("192.0.2.1:1")...); a.Status != status {
			t.Fatalf("answered %d %s, want %d", a.Status, a.Body, status)
		}
	}
	handshake(200)
	first := s.Session()
	handshake(429)
	if got := <-reasons; got != engineio.RefusedUnauthenticated {
		t.Errorf("refused because of %s", got)
	}
	first.SetAdmitted(true)
	first.SetAdmitted(true) // counts once
	handshake(200)
	second := s.Session()
	handshake(429)
	second.SetAdmitted(true)
	first.SetAdmitted(false)
	handshake(429)
	first.CloseUnadmitted(engineio.ReasonForcedClose)
	first.WantClosed(engineio.ReasonForcedClose)
	enginetest.Eventually(t, "one that has left does not count", func() bool { return s.Engine.Unadmitted() == 0 })
	second.SetAdmitted(false)
	if n := s.Engine.Unadmitted(); n != 1 {
		t.Errorf("%d are not admitted", n)
	}
}

type ignoring struct{}

func (ignoring) OnMessage([]byte, bool)              {}
func (ignoring) OnClose(engineio.CloseReason, error) {}

// Limits change without a restart, and hold for sessions that were there before.
func TestLimitsPerAddressAreReconfigured(t *testing.T) {
	var config engineio.Config
	s := addressed(t, func(c *engineio.Config) { config = *c })
	config.OnSession = func(*engineio.Session) engineio.Handler { return ignoring{} }
	for range 3 {
		s.Do("GET", polling, "", from("192.0.2.1:1")...)
	}
	for _, test := range []struct{ most, status int }{{3, 429}, {0, 200}} {
		config.MaxSessionsPerAddress = test.most
		if err := s.Engine.Reconfigure(config); err != nil {
			t.Fatal(err)
		}
		if a := s.Do("GET", polling, "", from("192.0.2.1:1")...); a.Status != test.status {
			t.Errorf("with %d at most: %d", test.most, a.Status)
		}
	}
}

// Two streams are accepted while there is room for one, and only one of them becomes a session.
func TestWebTransportKeepsToTheSessionsPerAddress(t *testing.T) {
	s := enginetest.Start(t, withWebTransport, with(func(c *engineio.Config) { c.MaxSessionsPerAddress = 1 }))
	accepted := make(chan struct{})
	dial := func() *wtClient {
		client, server := net.Pipe()
		client.SetDeadline(time.Now().Add(enginetest.Patience))
		t.Cleanup(func() { client.Close() })
		r := httptest.NewRequest(http.MethodConnect, "/engine.io/", nil)
		go s.Engine.ServeWebTransport(httptest.NewRecorder(), r, func(context.Context) (engineio.Stream, error) {
			accepted <- struct{}{}
			return server, nil
		})
		<-accepted
		return &wtClient{client, t}
	}
	ada, bob := dial(), dial()
	ada.open(s)
	bob.send(0, "0")
	bob.wantEnd()
	if n := s.Engine.Len(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestALateAdmissionCountsNothing(t *testing.T) {
	s := enginetest.Start(t)
	ws, session, _ := s.WebSocket()
	ws.Close()
	enginetest.Eventually(t, "it has gone", func() bool { return s.Engine.Len() == 0 })
	session.SetAdmitted(true)
	if n := s.Engine.Unadmitted(); n != 0 {
		t.Errorf("%d are not admitted", n)
	}
}
