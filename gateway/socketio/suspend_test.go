// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// suspending is a client of a server whose handlers wait.
func suspending(t *testing.T) (c *wiretest.Client, suspended chan func()) {
	t.Helper()
	suspended = make(chan func(), 1)
	io, url := server(t, socketio.Options{Log: slog.New(slog.DiscardHandler)})
	io.OnConnection(func(s *socketio.Socket) {
		s.On("wait", func(e *socketio.Event) {
			resume := s.Suspend()
			suspended <- func() { resume(func() { _ = e.Reply("waited") }) }
		})
		s.On("at once", func(e *socketio.Event) {
			s.Suspend()(func() { _ = e.Reply("behind the handler") })
			_ = s.Emit("handler")
		})
		s.On("after", func(e *socketio.Event) {
			s.After(func() { _ = s.Emit("waits") }, func() { _ = e.Reply("waited") })
		})
		s.On("broken", func(*socketio.Event) {
			s.After(func() { panic("a bug") }, func() { t.Error("it goes on") })
		})
		s.On("next", func(e *socketio.Event) { _ = e.Reply("handled") })
		s.OnDisconnect(func(string) { suspended <- func() {} })
	})
	c, _ = wiretest.Connect(t, url, path, "/")
	return c, suspended
}

func TestASuspendedHandlerHoldsUpItsConnection(t *testing.T) {
	c, suspended := suspending(t)
	c.Send(`420["wait"]`, `421["next"]`)
	resume := <-suspended
	c.Send(`422["after"]`, `423["next"]`)
	resume()
	c.Expect(`430["waited"]`, `431["handled"]`, `42["waits"]`, `432["waited"]`, `433["handled"]`)
	c.Send(`424["at once"]`)
	c.Expect(`42["handler"]`, `434["behind the handler"]`)
}

func TestMuchThatIsSentWhileAHandlerIsSuspendedIsHandledInOrder(t *testing.T) {
	c, suspended := suspending(t)
	c.Send(`420["wait"]`)
	resume := <-suspended
	large := `"` + strings.Repeat("x", 3000) + `"`
	for range 100 { // which the server leaves unread
		c.Send(`421["next",`+large+`]`, `422["next"]`)
	}
	resume()
	c.Expect(`430["waited"]`)
	for range 100 {
		c.Expect(`431["handled"]`, `432["handled"]`)
	}
}

func TestAConnectionThatEndsWhileAHandlerIsSuspended(t *testing.T) {
	c, suspended := suspending(t)
	c.Send(`420["wait"]`, `421["next"]`)
	resume := <-suspended
	c.Close()
	resume()
	<-suspended // the handler for its end has run
}

func TestAPanicOfWhatAHandlerWaitsForEndsTheConnection(t *testing.T) {
	c, suspended := suspending(t)
	c.Send(`420["broken"]`, `421["next"]`)
	c.ExpectClosed()
	<-suspended
}
