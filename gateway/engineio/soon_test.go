// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// What is sent at once and what is sent soon keep their order, however full the connection is
// meanwhile.
func TestOrderOfSending(t *testing.T) {
	for name, test := range map[string]struct{ messages, size int }{
		"small":                  {5000, 10},
		"more than sockets take": {500, 16 << 10},
		"large":                  {30, 300 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket, session, _ := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxQueueBytes = 1 << 30 })).WebSocket()
			padding := strings.Repeat("x", test.size)
			for i := range test.messages {
				send := session.Send
				if i%3 != 0 {
					send = session.SendSoon
				}
				if err := send(engineio.NewText(fmt.Appendf(nil, "%d %s", i, padding))); err != nil {
					t.Fatal(err)
				}
			}
			for i := range test.messages {
				if got, want := socket.ReadText(), fmt.Sprintf("4%d %s", i, padding); got != want {
					t.Fatalf("received %.20q, want %.20q", got, want)
				}
			}
		})
	}
}

// A session that does not read is not writable once its connection is full, and ends at its limit;
// others are served.
func TestFullConnection(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxQueueBytes = 1 << 20 }))
	_, slow, _ := s.WebSocket()
	reader, quick, _ := s.WebSocket()
	message := engineio.NewText([]byte(strings.Repeat("x", 64<<10)))
	full := false
	for slow.SendSoon(message) == nil {
		full = full || !slow.Writable()
		if err := quick.SendSoon(message); err != nil {
			t.Fatal(err)
		}
		reader.ReadText()
	}
	if !full {
		t.Error("the session was writable until it was closed")
	}
}

// relay is a handler that sends on to another session, and then takes its time.
type relay struct {
	to    *engineio.Session
	waits <-chan struct{}
}

func (r relay) OnMessage(data []byte, _ bool) {
	if r.to != nil {
		_ = r.to.SendSoon(engineio.NewText(data))
		<-r.waits
	}
}

func (relay) OnClose(engineio.CloseReason, error) {}

// What is to be written soon waits for who may add to it, but not for a handler that does not come
// back.
func TestSendSoonWhileTheHandlerWaits(t *testing.T) {
	waits := make(chan struct{})
	var first *engineio.Session
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.OnSession = func(session *engineio.Session) engineio.Handler {
			to := first
			first = session
			return relay{to, waits}
		}
	}))
	t.Cleanup(func() { close(waits) }) // before the server closes
	to := s.Dial("EIO=4&transport=websocket")
	enginetest.ParseOpen(t, to.ReadText())
	from := s.Dial("EIO=4&transport=websocket")
	from.Write("4hello")
	if got := to.ReadText(); got != "4hello" {
		t.Errorf("received %q", got)
	}
}

func TestSendSoonToClosedSession(t *testing.T) {
	_, session, _ := enginetest.Start(t).WebSocket()
	session.Close(engineio.ReasonForcedClose)
	if err := session.SendSoon(engineio.NewText(nil)); !errors.Is(err, engineio.ErrClosed) {
		t.Errorf("error %v", err)
	}
}
