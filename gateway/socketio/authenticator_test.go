// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// judged is a server whose authenticator of "/" waits until a verdict is sent. Every socket there
// repeats what it is told, and "/free" asks nobody.
func judged(t *testing.T) (io *socketio.Server, url string, waiting chan *socketio.Socket, verdicts chan func() error) {
	t.Helper()
	io, url = server(t, socketio.Options{Log: slog.New(slog.DiscardHandler), ConnectTimeout: time.Hour})
	waiting, verdicts = make(chan *socketio.Socket, 1), make(chan func() error, 1)
	io.Of("/").SetAuthenticator(func(s *socketio.Socket) (func() error, error) {
		return func() error {
			waiting <- s
			select {
			case verdict := <-verdicts:
				return verdict()
			case <-s.Context().Done():
				return nil // which admits nobody who has gone
			}
		}, nil
	})
	io.OnConnection(func(s *socketio.Socket) {
		s.OnAny(func(e *socketio.Event) { _ = e.Reply(e.Name) })
	})
	io.Of("/free").OnConnection(func(*socketio.Socket) {})
	return io, url, waiting, verdicts
}

func admit() error { return nil }

func TestAClientThatIsJudgedWaitsAlone(t *testing.T) {
	io, url, waiting, verdicts := judged(t)
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send("40", `420["a"]`, `421["b"]`)
	within(t, waiting, "a client that is judged")
	c.Send("40/free")
	if got := c.Receive(); !strings.HasPrefix(got, `40/free,{"sid"`) {
		t.Errorf("another namespace answered %s", got)
	}
	if n := io.Suspended(); n != 1 {
		t.Errorf("%d are suspended", n)
	}
	verdicts <- admit
	if got := c.Receive(); !strings.HasPrefix(got, `40{"sid"`) {
		t.Errorf("answered %s", got)
	}
	c.Expect(`430["a"]`, `431["b"]`)
}

func TestAClientThatIsRefusedLate(t *testing.T) {
	io, url, waiting, verdicts := judged(t)
	c := wiretest.Dial(t, url, path, "", nil)
	for range 2 { // the connection stays, and its client may try again
		c.Send("40")
		within(t, waiting, "a client that is judged")
		verdicts <- func() error { return &socketio.ConnectError{Message: "no"} }
		c.Expect(`44{"message":"no"}`)
	}
	if io.Of("/").Len() != 0 || io.Suspended() != 0 {
		t.Error("something is left")
	}
}

func TestAClientThatLeavesWhileItIsJudged(t *testing.T) {
	io, url, waiting, _ := judged(t)
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send("40")
	s := within(t, waiting, "a client that is judged")
	c.Close()
	within(t, s.Context().Done(), "the end of the socket's context")
	eventually(t, "nothing is left", func() bool { return io.Of("/").Len() == 0 && io.Suspended() == 0 && io.Connections() == 0 })
}

func TestAnAuthenticatorThatPanics(t *testing.T) {
	io, url, waiting, verdicts := judged(t)
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send("40")
	within(t, waiting, "a client that is judged")
	verdicts <- func() error { panic("a bug") }
	c.ExpectClosed()
	io.Of("/").SetAuthenticator(func(*socketio.Socket) (func() error, error) { panic("a bug") })
	c = wiretest.Dial(t, url, path, "", nil)
	c.Send("40")
	c.ExpectClosed()
	eventually(t, "nothing is left", func() bool { return io.Of("/").Len() == 0 && io.Suspended() == 0 && io.Connections() == 0 })
}

// Who has not been let in is not waited for: it would hold the worker that reads it.
func TestMuchThatIsSentByAClientThatIsJudgedClosesIt(t *testing.T) {
	io, url, waiting, _ := judged(t)
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send("40")
	within(t, waiting, "a client that is judged")
	event := `42["x","` + strings.Repeat("x", 4000) + `"]`
	began := time.Now()
	for range 5 {
		c.Send(event)
	}
	c.ExpectClosed()
	if time.Since(began) > 20*time.Second {
		t.Error("it was closed because nobody read its pongs")
	}
	eventually(t, "nothing is left", func() bool { return io.Suspended() == 0 && io.Connections() == 0 })
}

// The client has made the namespace, and is all that there was in it.
func TestADynamicNamespaceWhoseAuthenticatorPanicsGoes(t *testing.T) {
	for name, judge := range map[string]func(*socketio.Socket) (func() error, error){
		"at once":        func(*socketio.Socket) (func() error, error) { panic("a bug") },
		"while it waits": func(*socketio.Socket) (func() error, error) { return func() error { panic("a bug") }, nil },
	} {
		t.Run(name, func(t *testing.T) {
			io, url := server(t, socketio.Options{Log: slog.New(slog.DiscardHandler), CleanupEmptyChildNamespaces: true})
			parent, err := io.OfPattern("/room-[0-9]+")
			if err != nil {
				t.Fatal(err)
			}
			made := make(chan *socketio.Socket, 1)
			parent.OnNamespace(func(ns *socketio.Namespace) {
				ns.SetAuthenticator(func(s *socketio.Socket) (func() error, error) {
					made <- s
					return judge(s)
				})
			})
			c := wiretest.Dial(t, url, path, "", nil)
			c.Send("40/room-1,")
			s := within(t, made, "a client that is judged")
			c.ExpectClosed()
			within(t, s.Context().Done(), "the end of the socket's context")
			eventually(t, "nothing is left", func() bool {
				return len(parent.Children()) == 0 && io.Suspended() == 0 && io.Connections() == 0
			})
		})
	}
}

// A client that leaves its only namespace, and joins it again, has as long as a new one.
func TestTheDeadlineOfAClientThatJoinsAgain(t *testing.T) {
	io, url := server(t, socketio.Options{ConnectTimeout: 300 * time.Millisecond})
	waiting, verdicts := make(chan *socketio.Socket, 1), make(chan error, 1)
	io.Of("/").SetAuthenticator(func(s *socketio.Socket) (func() error, error) {
		return func() error {
			waiting <- s
			select {
			case err := <-verdicts:
				return err
			case <-s.Context().Done():
				return socketio.ErrDisconnected
			}
		}, nil
	})
	io.OnConnection(func(s *socketio.Socket) { s.On("hello", func(ev *socketio.Event) { _ = ev.Reply("hello") }) })
	arrive := func(c *wiretest.Client) {
		t.Helper()
		c.Send("40")
		within(t, waiting, "a client that is judged")
		verdicts <- nil
		c.Receive()
	}
	stays, held := wiretest.Dial(t, url, path, "", nil), wiretest.Dial(t, url, path, "", nil)
	for range 2 {
		arrive(stays)
		stays.Send("41")
	}
	arrive(stays)
	arrive(held)
	held.Send("41", "40")
	within(t, waiting, "a client that is judged")
	held.ExpectClosed() // the timers before that are over by then
	stays.Send(`420["hello"]`)
	stays.Expect(`430["hello"]`)
}
