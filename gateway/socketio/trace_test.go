// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

const traceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// recording keeps what is handed to an adapter.
type recording struct {
	*socketio.Rooms
	traces chan *trace.Parent
}

func (r recording) Broadcast(d *socketio.Delivery) error {
	r.traces <- d.Trace
	return r.Rooms.Broadcast(d)
}

func TestAnEventCarriesTheTraceOfItsContext(t *testing.T) {
	traces := make(chan *trace.Parent, 1)
	io, url := server(t, socketio.Options{NewAdapter: func(*socketio.Namespace) socketio.Adapter {
		return recording{socketio.NewRooms(), traces}
	}})
	parent := trace.New(traceParent, "rojo=1")
	io.OnConnection(func(s *socketio.Socket) {
		s.Use(func(ev *socketio.Event) error {
			if ev.Name == "traced" {
				ev.SetContext(trace.NewContext(ev.Context(), parent))
			}
			return nil
		})
		relay := func(ev *socketio.Event) {
			if ev.Trace() != trace.FromContext(ev.Context()) {
				t.Errorf("%s: trace %v", ev.Name, ev.Trace())
			}
			emit(t, io.To("room").WithContext(ev.Context()), ev.Name)
		}
		s.On("traced", relay)
		s.On("plain", relay)
		if err := s.Join("room"); err != nil {
			t.Error(err)
		}
	})
	c, _ := wiretest.Connect(t, url, path, "/")
	for event, want := range map[string]*trace.Parent{"traced": parent, "plain": nil} {
		c.Send(`42["` + event + `"]`)
		c.Expect(`42["` + event + `"]`)
		if got := within(t, traces, "the event"); got != want {
			t.Errorf("%s carries %v, want %v", event, got, want)
		}
	}
}
