// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// told is a listener that is told of events.
type told struct {
	panicking
	events chan string
}

func (l told) OnEvent(ev *socketio.Event) { l.events <- ev.Name }

// Somebody may want to count what a client sends to a namespace that it has left. Nobody handles
// it.
func TestOnlyTheListenerIsToldOfEventsAfterTheClientHasLeft(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Of("/other")
	l := told{events: make(chan string, 9)}
	handled := make(chan string, 9)
	io.OnConnection(func(s *socketio.Socket) {
		s.Listen(l)
		s.OnAny(func(ev *socketio.Event) { handled <- ev.Name })
	})
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Join("/other")
	c.Send(`42["early"]`, "41", `42["late"]`)
	for _, want := range []string{"early", "late"} {
		if got := within(t, l.events, "an event"); got != want {
			t.Errorf("the listener is told of %s, want %s", got, want)
		}
	}
	c.Join("/") // when all before has been handled
	if got := within(t, handled, "an event"); got != "early" || len(handled) != 0 {
		t.Errorf("%s and %d more are handled", got, len(handled))
	}
}
