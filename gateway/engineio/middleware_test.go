// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// mark adds a value to a header of all answers.
func mark(value string) engineio.Middleware {
	return engineio.CheckFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Add("X-Mark", value)
		return nil
	})
}

func TestMiddlewares(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.CORS = &engineio.CORS{Origins: []string{"*"}}
		c.Middlewares = []engineio.Middleware{mark("1"), mark("2")}
	}))
	s.Engine.Use(mark("3"))
	s.Engine.Use(mark("4"))
	want := []string{"1", "2", "3", "4"}

	open := s.Do("GET", polling, "")
	session := polling + "&sid=" + open.SessionID()
	_, ws := s.TryDial(websocket)
	for what, a := range map[string]enginetest.Answer{
		"handshake": open,
		"post":      s.Do("POST", session, "4hello"),
		"poll":      s.Do("GET", session, ""),
		"refusal":   s.Do("GET", "EIO=4", ""),
		"websocket": ws,
	} {
		if diff := cmp.Diff(want, a.Header["X-Mark"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	if a := s.Do("OPTIONS", polling, ""); a.Header["X-Mark"] != nil {
		t.Error("middleware saw a preflight")
	}
}

func TestMiddlewareAnswersItself(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.Middlewares = []engineio.Middleware{func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		}, mark("never")}
	}))
	if a := s.Do("GET", polling, ""); a.Status != http.StatusServiceUnavailable || a.Header["X-Mark"] != nil {
		t.Errorf("answered %d %v", a.Status, a.Header)
	}
	if _, a := s.TryDial(websocket); a.Status != http.StatusServiceUnavailable {
		t.Errorf("websocket answered %d", a.Status)
	}
	s.NoSession()
}

func TestMiddlewareFails(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.CORS = &engineio.CORS{Origins: []string{"*"}}
		c.Middlewares = []engineio.Middleware{
			engineio.CheckFunc(func(http.ResponseWriter, *http.Request) error { return errors.New("the database is down") }),
		}
	}))
	a := s.Do("GET", polling, "")
	a.Want(t, http.StatusBadRequest, enginetest.BadRequest)
	if got := a.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("allowed origin %q", got)
	}
	_, a = s.TryDial(websocket)
	a.Want(t, http.StatusBadRequest, "Bad request")
	s.NoSession()
}

func TestMiddlewaresAndReconfigure(t *testing.T) {
	var config engineio.Config
	s := enginetest.Start(t, func(c *engineio.Config) {
		c.Middlewares = []engineio.Middleware{mark("old")}
		config = *c
	})
	s.Engine.Use(mark("used"))
	config.Middlewares = []engineio.Middleware{mark("new")}
	if err := s.Engine.Reconfigure(config); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"new", "used"}, s.Do("GET", polling, "").Header["X-Mark"]); diff != "" {
		t.Errorf("middlewares (-want +got):\n%s", diff)
	}
}
