// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// letting is a handler that lets others read while it waits. It echoes.
type letting struct {
	session *engineio.Session
	release <-chan struct{}
	closed  chan engineio.CloseReason
}

func (l letting) OnMessage(data []byte, _ bool) {
	l.session.MayWait()
	switch string(data) {
	case "wait":
		<-l.release
	case "wait for the next":
		l.session.HandOn()
		<-l.release
	case "close":
		l.session.Close(engineio.ReasonForcedClose)
		<-l.release
	}
	_ = l.session.Send(engineio.NewText(data))
}
func (l letting) OnClose(reason engineio.CloseReason, _ error) { l.closed <- reason }

// lettingClient is a client of a server with such handlers.
type lettingClient struct {
	send    func(packet string)
	receive func() string
	release chan struct{}
	closed  chan engineio.CloseReason
}

// lettingTransports begin a session by each way to read.
var lettingTransports = map[string]func(*testing.T, func(*engineio.Config)) (send func(string), receive func() string){
	"websocket": func(t *testing.T, configure func(*engineio.Config)) (func(string), func() string) {
		socket := enginetest.Start(t, configure).Dial(websocket)
		return socket.Write, socket.ReadText
	},
	"websocket by TLS": func(t *testing.T, configure func(*engineio.Config)) (func(string), func() string) {
		socket := enginetest.StartTLS(t, configure).Dial(websocket)
		return socket.Write, socket.ReadText
	},
	"webtransport": func(t *testing.T, configure func(*engineio.Config)) (func(string), func() string) {
		c := dialWebTransport(t, enginetest.Start(t, withWebTransport, configure))
		c.send(0, "0")
		return func(p string) { c.send(0, p) }, func() string {
			_, p := c.read()
			return p
		}
	},
	"polling": func(t *testing.T, configure func(*engineio.Config)) (func(string), func() string) {
		s := enginetest.Start(t, configure)
		a := s.Do("GET", polling, "")
		query := polling + "&sid=" + enginetest.ParseOpen(t, a.Body).SessionID
		unread := []string{a.Body}
		return func(p string) { s.Do("POST", query, p).Want(t, http.StatusOK, "ok") }, func() string {
			for len(unread) == 0 {
				unread = strings.Split(s.Do("GET", query, "").Body, "\x1e")
			}
			p := unread[0]
			unread = unread[1:]
			return p
		}
	},
}

func eachLetting(t *testing.T, test func(*testing.T, lettingClient)) {
	t.Helper()
	for name, dial := range lettingTransports {
		t.Run(name, func(t *testing.T) {
			c := lettingClient{release: make(chan struct{}), closed: make(chan engineio.CloseReason, 1)}
			c.send, c.receive = dial(t, func(config *engineio.Config) {
				config.PingInterval, config.PingTimeout = 20*time.Millisecond, time.Minute
				config.OnSession = func(s *engineio.Session) engineio.Handler { return letting{s, c.release, c.closed} }
			})
			if open := c.receive(); open[0] != '0' {
				t.Fatalf("opened by %q", open)
			}
			test(t, c)
		})
	}
}

// next is the next message. Pings are answered and counted.
func (c lettingClient) next(pings *int) string {
	for {
		p := c.receive()
		if p != "2" {
			return p
		}
		*pings++
		c.send("3")
	}
}

func TestOthersReadWhileAHandlerWaits(t *testing.T) {
	eachLetting(t, func(t *testing.T, c lettingClient) {
		pings := 0
		c.send("4wait")
		c.send("4next")
		if got := c.next(&pings); got != "4next" {
			t.Fatalf("received %q while a handler waits", got)
		}
		// A second ping says that the answer to the first was taken.
		for pings = 0; pings < 3; {
			if got := c.receive(); got != "2" {
				t.Fatalf("received %q", got)
			}
			pings++
			c.send("3")
		}
		c.send("4wait for the next")
		c.send("4last")
		if got := c.next(&pings); got != "4last" {
			t.Fatalf("received %q while two handlers wait", got)
		}
		close(c.release)
		waited := []string{c.next(&pings), c.next(&pings)}
		slices.Sort(waited)
		if want := []string{"4wait", "4wait for the next"}; !slices.Equal(waited, want) {
			t.Errorf("received %q, want %q", waited, want)
		}
	})
}

func TestTheEndIsToldWhileAHandlerWaits(t *testing.T) {
	eachLetting(t, func(t *testing.T, c lettingClient) {
		c.send("4close")
		if got := <-c.closed; got != engineio.ReasonForcedClose {
			t.Errorf("closed by %q", got)
		}
		close(c.release)
	})
}
