// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// faulty is an adapter with a bug.
type faulty struct {
	socketio.Adapter
	join, leaveAll func(*socketio.Socket)
}

func (f *faulty) Join(s *socketio.Socket, rooms ...string) {
	f.join(s)
	f.Adapter.Join(s, rooms...)
}

func (f *faulty) LeaveAll(s *socketio.Socket) {
	f.Adapter.LeaveAll(s)
	f.leaveAll(s)
}

func none(*socketio.Socket) {}

// once panics for the first socket.
func once() func(*socketio.Socket) {
	var first sync.Once
	return func(*socketio.Socket) { first.Do(func() { panic("a bug") }) }
}

func TestAPanicEndsOneConnectionAndLeavesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		join, leaveAll func(*socketio.Socket)
		set            func(*socketio.Socket)
		event          string
	}{
		"on the way in": {join: once(), leaveAll: none},
		"on the way out": {join: none, leaveAll: once(), event: "leave",
			set: func(s *socketio.Socket) { s.On("leave", func(*socketio.Event) { s.Disconnect(true) }) }},
		"in a handler": {join: none, leaveAll: none, event: "panic",
			set: func(s *socketio.Socket) { s.On("panic", func(*socketio.Event) { panic("a bug") }) }},
		"in a listener": {join: none, leaveAll: none, event: "any",
			set: func(s *socketio.Socket) { s.Listen(panicking{}) }},
		"in a handler of outgoing events": {join: none, leaveAll: none, event: "answer",
			set: func(s *socketio.Socket) {
				s.On("answer", func(*socketio.Event) { _ = s.Emit("answer") })
				s.OnAnyOutgoing(func(string, socketio.Args) { panic("a bug") })
			}},
		"in OnConnection": {join: none, leaveAll: none, set: func(*socketio.Socket) { panic("a bug") }},
		"in OnDisconnecting": {join: none, leaveAll: none, event: "leave",
			set: func(s *socketio.Socket) {
				s.On("leave", func(*socketio.Event) { s.Disconnect(true) })
				s.OnDisconnecting(func(string) { panic("a bug") })
			}},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var places []string
			io, url := server(t, socketio.Options{
				Log: slog.New(slog.DiscardHandler),
				Engine: engineio.Config{OnPanic: func(place string) {
					mu.Lock()
					defer mu.Unlock()
					places = append(places, place)
				}},
				NewAdapter: func(*socketio.Namespace) socketio.Adapter {
					return &faulty{socketio.NewRooms(), test.join, test.leaveAll}
				},
			})
			broken := make(chan *socketio.Socket, 2)
			var first sync.Once
			io.OnConnection(func(s *socketio.Socket) {
				s.On("hello", func(ev *socketio.Event) { _ = ev.Reply("hello") })
				if test.set != nil {
					first.Do(func() { test.set(s) })
				}
				broken <- s
			})
			bad := wiretest.Dial(t, url, path, "", nil)
			bad.Send("40")
			if test.event != "" {
				bad.Receive()
				bad.Send(`42["` + test.event + `"]`)
			}
			bad.ExpectClosed()
			eventually(t, "the socket is gone", func() bool { return io.Of("/").Len() == 0 && io.Connections() == 0 })
			good, _ := wiretest.Connect(t, url, path, "/")
			good.Send(`420["hello"]`)
			good.Expect(`430["hello"]`)
			mu.Lock()
			defer mu.Unlock()
			if diff := cmp.Diff([]string{"handler"}, places); diff != "" {
				t.Error(diff)
			}
		})
	}
}

type panicking struct{}

func (panicking) OnEvent(*socketio.Event)  { panic("a bug") }
func (panicking) OnDisconnecting(string)   {}
func (panicking) OnDisconnect(string)      {}
func (panicking) OnAck(socketio.Args) bool { return true }
func (panicking) OnEnd()                   {}

// eventually waits until something is true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}
