// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

type outerKey struct{}
type innerKey struct{}

// withValue puts a value into the requests that a handler serves.
func withValue(key any, value string) engineio.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key, value)))
		})
	}
}

func wantEnded(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(enginetest.Patience):
		t.Fatal("the context does not end")
	}
}

func TestASessionHasTheValuesOfItsHandshake(t *testing.T) {
	listen := func(h http.Handler) *httptest.Server {
		return httptest.NewServer(withValue(outerKey{}, "outer")(h))
	}
	s := enginetest.StartOn(t, listen, func(c *engineio.Config) {
		c.Middlewares = []engineio.Middleware{withValue(innerKey{}, "inner")}
	})
	for name, connect := range map[string]func() (session *enginetest.Session, leave func()){
		"by polling": func() (*enginetest.Session, func()) {
			p := s.Poll()
			return p.Session, func() { p.Post("1") }
		},
		"by websocket": func() (*enginetest.Session, func()) {
			c := s.Dial("EIO=4&transport=websocket")
			return s.Session(), func() { c.Write("1") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			session, leave := connect()
			ctx := session.Context()
			if outer, inner := ctx.Value(outerKey{}), ctx.Value(innerKey{}); outer != "outer" || inner != "inner" {
				t.Errorf("values %v and %v", outer, inner)
			}
			if err := ctx.Err(); err != nil {
				t.Errorf("it has ended with the handshake's request: %v", err)
			}
			leave()
			session.WantClosed(engineio.ReasonTransportClose)
			wantEnded(t, ctx.Done())
			if ctx := session.Context(); ctx.Err() == nil || ctx.Value(outerKey{}) != "outer" {
				t.Errorf("after the end: %v, value %v", ctx.Err(), ctx.Value(outerKey{}))
			}
		})
	}
}

func TestAWebTransportSessionHasTheValuesOfItsRequest(t *testing.T) {
	s := enginetest.Start(t, withWebTransport, func(c *engineio.Config) {
		c.Middlewares = []engineio.Middleware{withValue(innerKey{}, "inner")}
	})
	c := dialWebTransport(t, s)
	c.send(0, "0")
	session := s.Session()
	ctx := session.Context()
	if ctx.Value(innerKey{}) != "inner" || ctx.Err() != nil {
		t.Errorf("value %v, %v", ctx.Value(innerKey{}), ctx.Err())
	}
	session.Close(engineio.ReasonForcedClose)
	wantEnded(t, ctx.Done())
}

// What a handler waits for by its session's context does not outlive the session: the end is told
// to OnClose, which waits for the handler.
func TestTheContextEndsWhileAHandlerRuns(t *testing.T) {
	waiting, ended := make(chan *engineio.Session, 1), make(chan engineio.CloseReason, 1)
	s := enginetest.Start(t, func(c *engineio.Config) {
		c.OnSession = func(session *engineio.Session) engineio.Handler {
			return waits{session, waiting, ended}
		}
	})
	s.Dial("EIO=4&transport=websocket").Write("4wait")
	session := <-waiting
	session.Close(engineio.ReasonForcedClose)
	select {
	case <-ended:
	case <-time.After(enginetest.Patience):
		t.Fatal("the handler goes on waiting")
	}
}

type waits struct {
	session *engineio.Session
	waiting chan<- *engineio.Session
	ended   chan<- engineio.CloseReason
}

func (w waits) OnMessage([]byte, bool) {
	w.waiting <- w.session
	<-w.session.Context().Done()
}

func (w waits) OnClose(reason engineio.CloseReason, _ error) { w.ended <- reason }

func TestSessionContextChoosesWhatIsKept(t *testing.T) {
	s := enginetest.Start(t, func(c *engineio.Config) {
		c.Middlewares = []engineio.Middleware{withValue(innerKey{}, "inner")}
		c.SessionContext = func(r *http.Request) context.Context {
			if r.URL.Query().Get("keep") == "" {
				return context.Background()
			}
			return context.WithValue(context.Background(), outerKey{}, r.Context().Value(innerKey{}))
		}
	})
	for query, want := range map[string]any{"": nil, "&keep=1": "inner"} {
		s.Dial("EIO=4&transport=websocket" + query)
		session := s.Session()
		if got := session.Value(outerKey{}); got != want {
			t.Errorf("%q: before there is a context, the value is %v", query, got)
		}
		ctx := session.Context()
		if ctx.Value(outerKey{}) != want || ctx.Value(innerKey{}) != nil || ctx.Err() != nil || session.Value(outerKey{}) != want {
			t.Errorf("%q: %v, %v, %v", query, ctx.Value(outerKey{}), ctx.Value(innerKey{}), ctx.Err())
		}
	}
}
