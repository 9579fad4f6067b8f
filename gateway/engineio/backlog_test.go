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

// sized is a backlog of n large messages.
func sized(n int, padding string) func() []*engineio.Message {
	i := 0
	return func() []*engineio.Message {
		if i == n {
			return nil
		}
		i++
		return []*engineio.Message{engineio.NewText(fmt.Appendf(nil, "%d %s", i-1, padding))}
	}
}

// A client may have missed more than the queue's limits; what is sent to it besides is bounded as
// ever.
func TestABacklogDoesNotCountTowardsTheLimits(t *testing.T) {
	socket, session, _ := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxQueueMessages, c.MaxQueueBytes = 4, 1<<20 })).WebSocket()
	padding := strings.Repeat("x", 1<<20)
	if err := session.SendBacklog(sized(30, padding)); err != nil {
		t.Fatal(err)
	}
	if err := session.Send(engineio.NewText([]byte("now"))); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		if got, want := socket.ReadText(), fmt.Sprintf("4%d %s", i, padding); got != want {
			t.Fatalf("received %.20q, want %.20q", got, want)
		}
	}
	if got := socket.ReadText(); got != "4now" {
		t.Errorf("received %.20q behind the backlog", got)
	}
	var err error
	for range 1000 {
		if err = session.Send(engineio.NewText([]byte(padding))); err != nil {
			break
		}
	}
	if !errors.Is(err, engineio.ErrSlowConsumer) {
		t.Errorf("afterwards, error %v", err)
	}
}

func TestWhatIsSentBehindABacklogIsBounded(t *testing.T) {
	_, session, _ := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxQueueMessages = 16 })).WebSocket()
	if err := session.SendBacklog(sized(30, strings.Repeat("x", 1<<20))); err != nil {
		t.Fatal(err)
	}
	sent := 0
	var err error
	for ; err == nil && sent < 100; sent++ {
		err = session.Send(engineio.NewText([]byte("now")))
	}
	if !errors.Is(err, engineio.ErrSlowConsumer) || sent > 16 {
		t.Errorf("after %d messages, error %v", sent, err)
	}
}

// wasted is a connection that opens a session by websocket, and reads nothing of it.
func wasted(s *enginetest.Server) *enginetest.Raw {
	raw := s.Connect()
	raw.Write("GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	return raw
}

// A client can answer pings that it has not read. Nothing else is sent to it, so no bound is
// reached.
func TestWhoTakesNothingOfABacklogIsASlowConsumer(t *testing.T) {
	const pong = "\x81\x81\x00\x00\x00\x003"
	s := enginetest.Start(t, quick)
	client := wasted(s)
	session := s.Session()
	next := sized(100, strings.Repeat("x", 1<<20))
	made := 0
	if err := session.SendBacklog(func() []*engineio.Message { made++; return next() }); err != nil {
		t.Fatal(err)
	}
	enginetest.Eventually(t, "the session ends", func() bool {
		_, _ = client.Conn.Write([]byte(pong)) // until the connection is closed
		return len(session.Closed()) > 0
	})
	if closed := session.WantClosed(engineio.ReasonSlowConsumer); closed.Err == nil {
		t.Error("there is no error that says why")
	}
	if made > 50 {
		t.Errorf("%d of 100 MiB were made for a client that reads nothing", made)
	}
}

func TestHeldMessagesAreBounded(t *testing.T) {
	_, session, _ := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxQueueMessages = 16 })).WebSocket()
	m := engineio.NewText([]byte("now"))
	for i := range 16 {
		if err := session.Hold(m); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if err := session.Hold(m); !errors.Is(err, engineio.ErrSlowConsumer) {
		t.Errorf("one beyond the bound: error %v", err)
	}
	session.WantClosed(engineio.ReasonSlowConsumer)
}

func TestHeldMessagesAreSentOrDropped(t *testing.T) {
	socket, session, _ := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxQueueMessages = 16 })).WebSocket()
	sent, dropped := engineio.NewText([]byte("sent")), engineio.NewText([]byte("dropped"))
	for range 100 { // neither counts when its time is over
		if err := session.Hold(dropped, sent); err != nil {
			t.Fatal(err)
		}
		session.DropHeld(dropped)
		session.SendHeld(sent)
		if got := socket.ReadText(); got != "4sent" {
			t.Fatalf("received %q", got)
		}
	}
}
