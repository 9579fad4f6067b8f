// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// get polls by a connection.
func get(r *enginetest.Raw, p *enginetest.Poller, stamp string) enginetest.Answer {
	r.Write("GET /engine.io/?" + p.Query + stamp + " HTTP/1.1\r\nHost: x\r\n\r\n")
	return r.Answer()
}

// A browser, a proxy or net/http sends a GET again whose connection breaks before the answer. What
// was in the answer is lost then, so that the client must not go on as if nothing had happened.
func TestAPollThatIsSentAgainEndsTheSession(t *testing.T) {
	for _, c := range []struct {
		name, first, second string
		sameConnection      bool
		ends                bool
	}{
		{name: "the stamp of a 4.x client", first: "&t=p8zko6o1", second: "&t=p8zko6o1", ends: true},
		{name: "the stamp of a 2.x client", first: "&t=PX4kJ1a", second: "&t=PX4kJ1a", ends: true},
		{name: "the stamp of python-engineio", first: "&t=1764458440.1234", second: "&t=1764458440.1234", ends: true},
		{name: "another stamp", first: "&t=p8zko6o1", second: "&t=p8zko6o2"},
		{name: "a clock in seconds", first: "&t=1764458440", second: "&t=1764458440"},
		{name: "no stamp"},
		{name: "the same connection", first: "&t=p8zko6o1", second: "&t=p8zko6o1", sameConnection: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := enginetest.Start(t)
			p, connection := s.Poll(), s.Connect()
			p.Send(engineio.NewText([]byte("lost")))
			get(connection, p, c.first).Want(t, http.StatusOK, "4lost")
			p.Send(engineio.NewText([]byte("next")))
			if !c.sameConnection {
				connection = s.Connect()
			}
			answer := get(connection, p, c.second)
			if !c.ends {
				answer.Want(t, http.StatusOK, "4next")
				p.WantOpen()
				return
			}
			answer.Want(t, http.StatusBadRequest, enginetest.UnknownSession)
			p.WantClosed(engineio.ReasonTransportError)
			p.WantGone()
		})
	}
}

// unreachable is the writer of a client whose connection is broken, which a small answer shows only
// when it is flushed.
type unreachable struct{ *httptest.ResponseRecorder }

func (unreachable) FlushError() error { return errors.New("broken pipe") }

func TestAnAnswerThatCannotBeWrittenEndsTheSession(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	p.Send(engineio.NewText([]byte("lost")))
	w := unreachable{httptest.NewRecorder()}
	s.Engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/engine.io/?"+p.Query, nil))
	p.WantClosed(engineio.ReasonTransportError)
	p.WantGone()
}
