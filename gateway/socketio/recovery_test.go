// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// recovering is a server without other servers, whose clients can come back.
type recovering struct {
	io      *socketio.Server
	url     string
	sockets chan *socketio.Socket
}

func newRecovering(t *testing.T, o socketio.Options) *recovering {
	t.Helper()
	if o.Recovery == nil {
		o.Recovery = &socketio.Recovery{}
	}
	r := &recovering{sockets: make(chan *socketio.Socket, 16)}
	r.io, r.url = server(t, o)
	r.io.OnConnection(func(s *socketio.Socket) { r.sockets <- s })
	return r
}

// guest is a client that can come back. It keeps what stock clients keep.
type guest struct {
	t           *testing.T
	to          *recovering
	wire        *wiretest.Client
	sid, pid    string
	offset      string
	socket      *socketio.Socket
	beforeReply []string // events that came before the answer to CONNECT
}

// arrive connects for the first time.
func (r *recovering) arrive(t *testing.T, rooms ...string) *guest {
	t.Helper()
	g := &guest{t: t, to: r}
	g.connect()
	g.socket.Join(rooms...)
	return g
}

// ask sends CONNECT.
func (g *guest) ask() {
	g.t.Helper()
	auth, err := json.Marshal(map[string]string{"pid": g.pid, "offset": g.offset})
	if err != nil {
		g.t.Fatal(err)
	}
	g.wire = wiretest.Dial(g.t, g.to.url, path, "", nil)
	g.wire.Send("40" + string(auth))
}

// connect asks for the session that there was.
func (g *guest) connect() (recovered bool) {
	g.t.Helper()
	g.ask()
	g.beforeReply = nil
	packet := g.wire.Receive()
	for ; !strings.HasPrefix(packet, "40"); packet = g.wire.Receive() {
		g.beforeReply = append(g.beforeReply, g.take(packet))
	}
	var reply struct{ SID, PID string }
	if err := json.Unmarshal([]byte(packet[2:]), &reply); err != nil || reply.PID == "" {
		g.t.Fatalf("answer to CONNECT: %s", packet)
	}
	g.socket = <-g.to.sockets
	recovered = g.pid == reply.PID
	if recovered != (g.sid == reply.SID) || recovered != g.socket.Recovered() {
		g.t.Errorf("pid %s, was %s; sid %s, was %s; the server says recovered %t", reply.PID, g.pid, reply.SID, g.sid, g.socket.Recovered())
	}
	g.sid, g.pid = reply.SID, reply.PID
	return recovered
}

// mustConnect wants the session that there was, and these events to have come before the answer.
func (g *guest) mustConnect(missed ...string) {
	g.t.Helper()
	if !g.connect() {
		g.t.Fatal("not recovered")
	}
	if !slices.Equal(g.beforeReply, missed) {
		g.t.Fatalf("missed %s, want %s", g.beforeReply, missed)
	}
}

// take notes the offset of an event, and returns the event without it, but with its attachment.
func (g *guest) take(packet string) string {
	g.t.Helper()
	var args []json.RawMessage
	prefix, list, _ := strings.Cut(packet, "[")
	if err := json.Unmarshal([]byte("["+list), &args); err != nil {
		g.t.Fatalf("event %s: %v", packet, err)
	}
	if err := json.Unmarshal(args[len(args)-1], &g.offset); err != nil {
		g.t.Fatalf("%s does not end with an offset", packet)
	}
	rest, err := json.Marshal(args[:len(args)-1])
	if err != nil {
		g.t.Fatal(err)
	}
	if prefix == "451-" {
		return string(rest) + g.wire.Receive()
	}
	return string(rest)
}

// expect wants these events next.
func (g *guest) expect(events ...string) {
	g.t.Helper()
	for _, want := range events {
		if got := g.take(g.wire.Receive()); got != want {
			g.t.Fatalf("received %s, want %s", got, want)
		}
	}
}

// vanish ends the connection without a word, and returns when the server has kept the session.
func (g *guest) vanish() {
	g.t.Helper()
	gone := make(chan struct{})
	g.socket.OnDisconnect(func(string) { close(gone) })
	g.wire.Close()
	<-gone
}

// emitVolatile emits a volatile event until it gets through: one that comes while another is being written is dropped.
func (g *guest) emitVolatile(b interface{ Emit(string, ...any) error }) {
	g.t.Helper()
	const ordinary = `["n","ordinary"]`
	for range 1000 {
		emit(g.t, b, "v", "text")
		emit(g.t, g.socket, "n", "ordinary")
		got := g.take(g.wire.Receive())
		if got == `["v","text"]` {
			g.expect(ordinary)
			return
		}
		if got != ordinary {
			g.t.Fatalf("received %s", got)
		}
	}
	g.t.Fatal("no volatile event has come through")
}

func emit(t *testing.T, b interface{ Emit(string, ...any) error }, event string, values ...any) {
	t.Helper()
	if err := b.Emit(event, values...); err != nil {
		t.Fatal(err)
	}
}
