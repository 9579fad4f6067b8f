// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/flate"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/hack/bench/internal/measured"
)

// startServer serves the chat, and says its messages so many times.
func startServer(t *testing.T, start func(http.Handler) *httptest.Server, times int) (address string) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	server, err := socketio.NewServer(socketio.Options{Engine: engineio.Config{PerMessageDeflate: &engineio.PerMessageDeflate{Threshold: 64}}})
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
	hs := start(server)
	t.Cleanup(func() {
		server.Close()
		hs.Close()
		goleak.VerifyNone(t, before)
	})
	return hs.Listener.Addr().String()
}

func runSuite(t *testing.T, args ...string) *measured.Result {
	t.Helper()
	o, err := parse(append(args, "-warmup", "10ms", "-duration", "50ms", "-settle", "10ms"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLoop(o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	r, err := suites[o.suite](l, o)
	if err != nil {
		t.Fatal(err)
	}
	if o.deflate && l.inflater.frames == 0 {
		t.Error("no message came compressed")
	}
	if o.stall && r.Before == nil {
		t.Error("nothing is told of the time when everybody read")
	}
	return r
}

func TestSuitesCountWhatComes(t *testing.T) {
	for _, args := range []string{
		"-suite broadcast -clients 20", "-suite rooms -clients 20 -rooms 4 -w 2", "-suite fixed -clients 20", "-suite echo -clients 20",
		"-suite accept -clients 20", "-suite idle -clients 120", "-suite fixed -clients 20 -size 4000 -stall",
		"-suite fixed-rooms -clients 20 -rooms 4 -w 2", "-suite broadcast -clients 20 -tls", "-suite echo -clients 20 -tls",
		"-suite broadcast -clients 20 -deflate", "-suite echo -clients 20 -deflate",
	} {
		t.Run(args, func(t *testing.T) {
			start := httptest.NewServer
			if strings.Contains(args, "-tls") {
				start = httptest.NewTLSServer
			}
			address := startServer(t, start, 1)
			r := runSuite(t, append(strings.Fields(args), "-addr", address)...)
			connects := r.Suite == "accept" || r.Suite == "idle"
			if connects && r.Count == 0 || !connects && r.Deliveries == 0 || r.Seconds < (10*time.Millisecond).Seconds() && r.Suite != "accept" {
				t.Errorf("%d, and %d in all, in %v s", r.Count, r.Deliveries, r.Seconds)
			}
			if r.Lost != 0 || r.Repeated != 0 || r.Reordered != 0 {
				t.Errorf("lost %d, repeated %d, reordered %d", r.Lost, r.Repeated, r.Reordered)
			}
		})
	}
}

func TestWhatComesTwiceIsCounted(t *testing.T) {
	if r := runSuite(t, "-suite", "fixed", "-clients", "5", "-rate", "1000", "-addr", startServer(t, httptest.NewServer, 2)); r.Repeated == 0 {
		t.Errorf("%d deliveries, none repeated", r.Deliveries)
	}
}

func TestWhatIsInflatedOnceIsKnown(t *testing.T) {
	i := newInflater()
	var sent bytes.Buffer
	w, err := flate.NewWriter(&sent, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 * recentMessages {
		want := stamp{sequence: n}.text(100)
		sent.Reset()
		w.Reset(&sent)
		if _, err := w.Write(want); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		payload := bytes.TrimSuffix(sent.Bytes(), end[:4])
		for range 2 {
			if got, err := i.inflate(payload); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("message %d is inflated to %q: %v", n, got, err)
			}
		}
	}
	if len(i.known) != recentMessages {
		t.Errorf("%d messages are kept", len(i.known))
	}
	if _, err := i.inflate([]byte("no deflate")); err == nil {
		t.Error("what is not compressed is inflated")
	}
}
