// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

type userKey struct{}

// withUser is a server whose requests carry the user that their query names.
func withUser(t *testing.T) (*socketio.Server, string) {
	t.Helper()
	return server(t, socketio.Options{
		Log: slog.New(slog.DiscardHandler),
		Engine: engineio.Config{Middlewares: []engineio.Middleware{func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, r.URL.Query().Get("user"))))
			})
		}}},
	})
}

// within receives, soon.
func within[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waited for %s", what)
		panic("unreachable")
	}
}

func TestASocketHasTheValuesOfTheRequestThatBeganItsConnection(t *testing.T) {
	io, url := withUser(t)
	seen := make(chan context.Context, 3)
	io.Use(func(s *socketio.Socket) error {
		seen <- s.Context()
		return nil
	})
	io.OnConnection(func(s *socketio.Socket) {
		s.On("event", func(*socketio.Event) { seen <- s.Context() })
		s.OnDisconnect(func(string) { seen <- s.Context() })
	})
	c := wiretest.Dial(t, url, path, "&user=ada", nil)
	c.Join("/")
	c.Send(`42["event"]`)
	for _, in := range []string{"a middleware", "a handler"} {
		ctx := within(t, seen, in)
		if user := ctx.Value(userKey{}); user != "ada" || ctx.Err() != nil {
			t.Errorf("in %s: user %v, %v", in, user, ctx.Err())
		}
	}
	c.Send("41")
	ctx := within(t, seen, "the handler for the end")
	if user := ctx.Value(userKey{}); user != "ada" || !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("at the end: user %v, %v", user, ctx.Err())
	}
	if err := context.WithoutCancel(ctx).Err(); err != nil {
		t.Error(err)
	}
}

func TestTheContextOfASocketEnds(t *testing.T) {
	for name, end := range map[string]func(c *wiretest.Client, s *socketio.Socket){
		"when the client leaves the namespace": func(c *wiretest.Client, _ *socketio.Socket) { c.Send("41/chat,") },
		"when its connection is lost":          func(c *wiretest.Client, _ *socketio.Socket) { c.Close() },
		"when it is disconnected":              func(_ *wiretest.Client, s *socketio.Socket) { s.Disconnect(false) },
	} {
		t.Run(name, func(t *testing.T) {
			io, url := withUser(t)
			sockets := make(chan *socketio.Socket, 2)
			io.Of("/").OnConnection(func(s *socketio.Socket) { sockets <- s })
			io.Of("/chat").OnConnection(func(s *socketio.Socket) { sockets <- s })
			c := wiretest.Dial(t, url, path, "", nil)
			c.Join("/")
			main := within(t, sockets, "a socket").Context()
			c.Join("/chat")
			s := within(t, sockets, "a socket")
			ctx := s.Context()
			if err := errors.Join(ctx.Err(), main.Err()); err != nil {
				t.Fatalf("before: %v", err)
			}
			end(c, s)
			within(t, ctx.Done(), "the end")
			if name != "when its connection is lost" && main.Err() != nil {
				t.Errorf("the socket in the main namespace: %v", main.Err())
			}
		})
	}
	t.Run("when a middleware refuses it", func(t *testing.T) {
		io, url := withUser(t)
		contexts := make(chan context.Context, 1)
		io.Use(func(s *socketio.Socket) error {
			contexts <- s.Context()
			return errors.New("no")
		})
		c := wiretest.Dial(t, url, path, "", nil)
		c.Send("40")
		c.Expect(`44{"message":"no"}`)
		within(t, within(t, contexts, "the middleware").Done(), "the end")
	})
	t.Run("when the client comes by another connection", func(t *testing.T) {
		r := newRecovering(t, socketio.Options{})
		g := r.arrive(t)
		old := g.socket.Context()
		g.mustConnect() // and the server has not noticed that the first is gone
		within(t, old.Done(), "the end")
		if err := g.socket.Context().Err(); err != nil {
			t.Errorf("the socket that has come back: %v", err)
		}
	})
}

// The handlers for the end have their turn behind the one that waits: it must not wait for them.
func TestWhatAHandlerWaitsForEndsWithTheClient(t *testing.T) {
	io, url := withUser(t)
	waiting, reasons := make(chan struct{}), make(chan string, 1)
	io.OnConnection(func(s *socketio.Socket) {
		s.On("wait", func(*socketio.Event) {
			s.After(func() {
				close(waiting)
				<-s.Context().Done()
			}, func() {})
		})
		s.OnDisconnect(func(reason string) { reasons <- reason })
	})
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Send(`42["wait"]`)
	within(t, waiting, "the handler")
	c.Close()
	within(t, reasons, "the handler for the end")
}

// A middleware asks somebody whether a client may come in, who takes his time, and the client goes.
func TestWhatAMiddlewareWaitsForEndsWithTheClient(t *testing.T) {
	io, url := server(t, socketio.Options{Engine: engineio.Config{PingInterval: 50 * time.Millisecond, PingTimeout: 50 * time.Millisecond}})
	ended := make(chan error, 1)
	io.Use(func(s *socketio.Socket) error {
		<-s.Context().Done()
		ended <- s.Context().Err()
		return s.Context().Err()
	})
	wiretest.Dial(t, url, path, "", nil).Send("40") // and answers no ping
	if err := within(t, ended, "the middleware"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
