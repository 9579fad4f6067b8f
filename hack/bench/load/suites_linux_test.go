// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// startServer serves the chat, and says its messages so many times.
func startServer(t *testing.T, times int) (address string) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	server, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server.OnConnection(func(socket *socketio.Socket) {
		socketio.On(socket, "chatMessage", func(_ *socketio.Socket, text string) {
			for range times {
				_ = server.Emit("newMessage", text) // fails once the test has ended
			}
		})
		socketio.OnAck(socket, "joinRoom", func(socket *socketio.Socket, room string) (bool, error) {
			socket.Join(room)
			return true, nil
		})
		socket.On("roomMessage", func(ev *socketio.Event) {
			var room, text string
			if err := ev.Args.Scan(&room, &text); err != nil {
				t.Error(err)
				return
			}
			_ = server.To(room).Emit("newMessage", text) // the same
		})
		socket.On("echo", func(ev *socketio.Event) { _ = ev.Ack(ev.Args) }) // the same
	})
	hs := httptest.NewServer(server)
	t.Cleanup(func() {
		server.Close()
		hs.Close()
		goleak.VerifyNone(t, before)
	})
	return strings.TrimPrefix(hs.URL, "http://")
}

func runSuite(t *testing.T, args ...string) *result {
	t.Helper()
	o, err := parse(append(args, "-warmup", "10ms", "-duration", "50ms", "-settle", "10ms"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLoop(o.dialect)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	r, err := suites[o.suite](l, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSuitesCountWhatComes(t *testing.T) {
	for _, args := range []string{
		"-suite broadcast -clients 20", "-suite rooms -clients 20 -rooms 4 -w 2", "-suite fixed -clients 20", "-suite echo -clients 20",
		"-suite accept -clients 20", "-suite idle -clients 120", "-suite fixed -clients 20 -size 4000 -stall",
	} {
		t.Run(args, func(t *testing.T) {
			address := startServer(t, 1)
			r := runSuite(t, append(strings.Fields(args), "-addr", address)...)
			if r.Count == 0 || r.Seconds < (10*time.Millisecond).Seconds() && r.Suite != "accept" {
				t.Errorf("%d in %v s", r.Count, r.Seconds)
			}
			if r.Lost != 0 || r.Repeated != 0 || r.Reordered != 0 {
				t.Errorf("lost %d, repeated %d, reordered %d", r.Lost, r.Repeated, r.Reordered)
			}
		})
	}
}

func TestWhatComesTwiceIsCounted(t *testing.T) {
	if r := runSuite(t, "-suite", "fixed", "-clients", "5", "-rate", "1000", "-addr", startServer(t, 2)); r.Repeated == 0 {
		t.Errorf("%d deliveries, none repeated", r.Deliveries)
	}
}
