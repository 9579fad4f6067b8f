// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/conn"
)

// An event of a hundred bytes, as those of chats are, and one that wants an answer.
var (
	chatEvent = []byte(`2["chatMessage","` + strings.Repeat("hello, all of you out there ", 4) + `"]`)
	echoEvent = []byte(`21["echo","` + strings.Repeat("hello, all of you out there ", 4) + `"]`)
)

// BenchmarkDispatch takes an event from the session to its handler.
func BenchmarkDispatch(b *testing.B) {
	calls := 0
	c := benchmarkConnection(b, func(s *Socket) { s.On("chatMessage", func(*Event) { calls++ }) })
	data := make([]byte, len(chatEvent))
	b.ReportAllocs()
	for b.Loop() {
		copy(data, chatEvent)
		c.OnMessage(data, false)
	}
	if calls < b.N {
		b.Errorf("%d calls for %d events", calls, b.N)
	}
}

// BenchmarkEcho is an event and its acknowledgement, with the system call that writes it.
func BenchmarkEcho(b *testing.B) {
	c := benchmarkConnection(b, func(s *Socket) { s.On("echo", func(ev *Event) { _ = ev.Ack(ev.Args) }) })
	data := make([]byte, len(echoEvent))
	b.ReportAllocs()
	for b.Loop() {
		copy(data, echoEvent)
		c.OnMessage(data, false)
	}
}

// benchmarkConnection is the server's side of a client that takes what it is sent.
func benchmarkConnection(b *testing.B, onConnection func(*Socket)) *conn.Conn[*member] {
	b.Helper()
	connected := make(chan *Socket, 1)
	url := benchmarkServer(b, func(s *Socket) {
		onConnection(s)
		connected <- s
	})
	client := benchmarkClient(b, url)
	s := <-connected
	var reading sync.WaitGroup
	b.Cleanup(reading.Wait)
	b.Cleanup(func() { client.Close() })
	reading.Go(func() {
		for {
			if _, _, err := client.NextReader(); err != nil {
				return
			}
		}
	})
	return s.conn
}

func benchmarkServer(b *testing.B, onConnection func(*Socket)) (url string) {
	b.Helper()
	io, err := NewServer(Options{})
	if err != nil {
		b.Fatal(err)
	}
	io.OnConnection(onConnection)
	hs := httptest.NewServer(io)
	b.Cleanup(hs.Close)
	b.Cleanup(func() { io.Close() })
	return strings.Replace(hs.URL, "http", "ws", 1) + DefaultPath
}

// benchmarkClient is a client in the main namespace.
func benchmarkClient(b *testing.B, url string) *websocket.Conn {
	b.Helper()
	client, _, err := websocket.DefaultDialer.Dial(url+"?EIO=4&transport=websocket", nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := client.WriteMessage(websocket.TextMessage, []byte("40")); err != nil {
		b.Fatal(err)
	}
	for range 2 { // the open packet, and the answer to CONNECT
		if _, _, err := client.ReadMessage(); err != nil {
			b.Fatal(err)
		}
	}
	return client
}
