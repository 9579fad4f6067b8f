// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

func TestWebSocketCarriesPackets(t *testing.T) {
	socket, session, _ := enginetest.Start(t).WebSocket()
	for _, text := range []string{"hello", "", "4", "€ 𝄞", strings.Repeat("x", 124), strings.Repeat("x", 125), strings.Repeat("x", 70_000)} {
		socket.Write("4" + text)
		if got := socket.ReadText(); got != "4"+text {
			t.Errorf("sent %.20q, got back %.20q", text, got)
		}
		if got := session.Message(); got != (enginetest.Message{Data: text}) {
			t.Errorf("session received %.20q", got.Data)
		}
	}
	for _, data := range []string{"\x01\x02\x03\x04", "", "b", strings.Repeat("\xff", 126), strings.Repeat("\x00", 65_536)} {
		socket.WriteBinary(data)
		if got := socket.ReadBinary(); got != data {
			t.Errorf("sent % x, got back % x", data, got)
		}
		if got := session.Message(); got != (enginetest.Message{Data: data, Binary: true}) {
			t.Errorf("session received % x", got.Data)
		}
	}
}

func TestWebSocketMessageInFragments(t *testing.T) {
	socket, _, _ := enginetest.Start(t).WebSocket()
	w, err := socket.NextWriter(gorilla.TextMessage)
	if err != nil {
		t.Fatal(err)
	}
	text := "4" + strings.Repeat("€", 5000) // its frames split characters
	for i := range len(text) {
		if _, err := io.WriteString(w, text[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := socket.ReadText(); got != text {
		t.Errorf("got back %d bytes, want %d", len(got), len(text))
	}
}

func TestInvalidPacketClosesTheWebSocket(t *testing.T) {
	for _, test := range []struct {
		packet string
		reason engineio.CloseReason
		code   int
	}{
		{"abc", engineio.ReasonParseError, 1005},
		{"", engineio.ReasonParseError, 1005},
		{"7", engineio.ReasonParseError, 1005},
		{"bA!==", engineio.ReasonParseError, 1005},
		{"2", engineio.ReasonTransportError, 1005},
		{"1", engineio.ReasonTransportClose, 1005},
		{"4\xff", engineio.ReasonTransportError, 1007},
		{"4" + strings.Repeat("x", 1000), engineio.ReasonTransportError, 1009},
	} {
		t.Run(fmt.Sprintf("%.10q", test.packet), func(t *testing.T) {
			t.Parallel()
			s := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxPayload = 1000 }))
			socket, session, _ := s.WebSocket()
			socket.Write(test.packet)
			socket.WantClosed(test.code)
			session.WantClosed(test.reason)
			enginetest.Eventually(t, "the session to be forgotten", func() bool { return s.Engine.Len() == 0 })
		})
	}
}

// As by the reference: a client without bytes sends its binary messages so, and none needs to be
// told apart.
func TestBase64InAWebSocketTextFrame(t *testing.T) {
	socket, session, _ := enginetest.Start(t).WebSocket()
	socket.Write("bAQID")
	if got, want := session.Message(), (enginetest.Message{Data: "\x01\x02\x03", Binary: true}); got != want {
		t.Errorf("received %+v, want %+v", got, want)
	}
	if got := socket.ReadBinary(); got != "\x01\x02\x03" {
		t.Errorf("read %q", got)
	}
}

func TestWebSocketLimit(t *testing.T) {
	const limit = 50_000
	s := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxPayload = limit }))
	t.Run("exactly the limit is taken", func(t *testing.T) {
		socket, _, _ := s.WebSocket()
		text := "4" + strings.Repeat("x", limit-1)
		socket.Write(text)
		if got := socket.ReadText(); got != text {
			t.Errorf("got back %d bytes", len(got))
		}
		socket.WriteBinary(text)
		if got := socket.ReadBinary(); got != text {
			t.Errorf("got back %d bytes", len(got))
		}
	})
	t.Run("more is refused, though the client is still sending", func(t *testing.T) {
		socket, session, _ := s.WebSocket()
		socket.WriteBinary(strings.Repeat("x", 40*limit))
		socket.WantClosed(1009)
		session.WantClosed(engineio.ReasonTransportError)
	})
}

func TestBrokenFramesCloseTheWebSocket(t *testing.T) {
	const mask = "\x00\x00\x00\x00"
	for name, bytes := range map[string]string{
		"not masked":              "\x81\x024a",
		"reserved bit":            "\xc1\x82" + mask + "4a",
		"unknown opcode":          "\x83\x82" + mask + "4a",
		"continuation of none":    "\x80\x82" + mask + "4a",
		"long control frame":      "\x89\xfe\x00\x80" + mask + strings.Repeat("x", 128),
		"fragment of a ping":      "\x09\x80" + mask,
		"length beyond all":       "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff" + mask,
		"close code out of range": "\x88\x82" + mask + "\x00\x01",
		"HTTP again":              "GET / HTTP/1.1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := enginetest.Start(t)
			raw := s.Connect()
			raw.Write(upgradeRequest(websocket) + bytes) // the frame rides behind the request
			if a := raw.Answer(); a.Status != 101 {
				t.Fatalf("answered %d", a.Status)
			}
			session := s.Session()
			raw.WantEnd()
			session.WantClosed(engineio.ReasonTransportError)
			s.Poll().WantAlive()
		})
	}
}

func upgradeRequest(query string) string {
	return "GET /engine.io/?" + query + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n"
}

func TestHostileHandshakes(t *testing.T) {
	s := enginetest.Start(t)
	for _, bytes := range []string{
		upgradeRequest("EIO=4&transport=tobi") + "\x00\xff garbage",
		upgradeRequest(websocket+"&sid=x") + strings.Repeat("\xff", 10_000),
		strings.Replace(upgradeRequest(websocket), "AQIDBAUGBwgJCgsMDQ4PEA==", "?", 1) + "garbage",
	} {
		raw := s.Connect()
		raw.Write(bytes)
		if a := raw.Answer(); a.Status != 400 {
			t.Errorf("answered %d", a.Status)
		}
		raw.WantEnd()
	}
	s.NoSession()
	s.Poll().WantAlive()
}

func TestWebSocketControlFrames(t *testing.T) {
	socket, session, _ := enginetest.Start(t).WebSocket()
	pongs := make(chan string, 1)
	socket.SetPongHandler(func(data string) error {
		pongs <- data
		return nil
	})
	if err := socket.WriteControl(gorilla.PingMessage, []byte("are you there"), time.Now().Add(enginetest.Patience)); err != nil {
		t.Fatal(err)
	}
	if err := socket.WriteControl(gorilla.PongMessage, nil, time.Now().Add(enginetest.Patience)); err != nil {
		t.Fatal(err)
	}
	socket.Write("4behind")
	if got := socket.ReadText(); got != "4behind" {
		t.Errorf("read %q", got)
	}
	select {
	case got := <-pongs:
		if got != "are you there" {
			t.Errorf("pong %q", got)
		}
	default:
		t.Error("no pong before the message behind it")
	}
	session.WantOpen()
}

func TestClientClosesTheWebSocket(t *testing.T) {
	t.Run("with a close frame", func(t *testing.T) {
		socket, session, _ := enginetest.Start(t).WebSocket()
		deadline := time.Now().Add(enginetest.Patience)
		if err := socket.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(1000, "bye"), deadline); err != nil {
			t.Fatal(err)
		}
		socket.WantClosed(1000)
		session.WantClosed(engineio.ReasonTransportClose)
	})
	t.Run("by dropping the connection", func(t *testing.T) {
		socket, session, _ := enginetest.Start(t).WebSocket()
		socket.NetConn().Close()
		session.WantClosed(engineio.ReasonTransportClose)
	})
	t.Run("in the middle of a frame", func(t *testing.T) {
		socket, session, _ := enginetest.Start(t).WebSocket()
		if _, err := socket.NetConn().Write([]byte{0x81, 0xfe, 0x10}); err != nil {
			t.Fatal(err)
		}
		socket.NetConn().Close()
		session.WantClosed(engineio.ReasonTransportClose)
	})
}

// Many senders at once: each client gets all of it, in each sender's order, and what was sent in
// one call has nothing in between.
func TestSendersDoNotMix(t *testing.T) {
	const senders, rounds = 8, 200
	for name, start := range map[string]func(testing.TB, ...func(*engineio.Config)) *enginetest.Server{
		"TCP": enginetest.Start,
		"TLS": enginetest.StartTLS,
	} {
		t.Run(name, func(t *testing.T) {
			socket, session, _ := start(t).WebSocket()
			var all sync.WaitGroup
			for i := range senders {
				all.Go(func() {
					for n := range rounds {
						head := engineio.NewText(fmt.Appendf(nil, "%d %d", i, n))
						if err := session.Send(head, engineio.NewBinary([]byte{byte(i), byte(n)})); err != nil {
							t.Error(err)
						}
					}
				})
			}
			pings := make(chan string, rounds)
			socket.SetPongHandler(func(data string) error { pings <- data; return nil })
			for range 50 {
				socket.WriteControl(gorilla.PingMessage, []byte("ping"), time.Now().Add(enginetest.Patience))
			}
			next := make([]int, senders)
			for range senders * rounds {
				var i, n int
				if _, err := fmt.Sscanf(socket.ReadText(), "4%d %d", &i, &n); err != nil {
					t.Fatal(err)
				}
				if n != next[i] {
					t.Fatalf("sender %d: message %d, want %d", i, n, next[i])
				}
				next[i]++
				if got := socket.ReadBinary(); !bytes.Equal([]byte(got), []byte{byte(i), byte(n)}) {
					t.Fatalf("message %d of sender %d is followed by % x", n, i, got)
				}
			}
			all.Wait()
			session.WantOpen()
		})
	}
}

func TestMessageForManyIsTheSameBytes(t *testing.T) {
	s := enginetest.Start(t)
	text := engineio.NewText([]byte(`["room",{"ü":1}]`))
	data := engineio.NewBinary([]byte{0, 1, 2})
	var sockets []*enginetest.Socket
	for range 3 {
		socket, session, _ := s.WebSocket()
		session.Send(text, data)
		sockets = append(sockets, socket)
	}
	p := s.Poll()
	p.Send(text, data)
	for _, socket := range sockets {
		if got := socket.ReadText(); got != `4["room",{"ü":1}]` {
			t.Errorf("read %q", got)
		}
		if got := socket.ReadBinary(); got != "\x00\x01\x02" {
			t.Errorf("read % x", got)
		}
	}
	p.Get().Want(t, 200, "4[\"room\",{\"ü\":1}]\x1ebAAEC")
}

func TestWritable(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	if p.Writable() {
		t.Error("polling session is writable without a poll")
	}
	answer := p.StartGet() // waits until it is writable
	p.Send(engineio.NewText(nil))
	p.Answer(answer)
	if p.Writable() {
		t.Error("polling session is writable though its poll was answered")
	}
	_, session, _ := s.WebSocket()
	enginetest.Eventually(t, "the websocket to be writable", session.Writable)
	session.Close(engineio.ReasonForcedClose)
	if session.Writable() {
		t.Error("closed session is writable")
	}
}
