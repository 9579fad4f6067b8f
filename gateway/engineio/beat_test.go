// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http/httptest"
	"testing"
)

type silent struct{}

func (silent) OnMessage([]byte, bool)     {}
func (silent) OnClose(CloseReason, error) {}

// The wheel calls without the session's lock: a beat may have been on its way when the session was
// closed.
func TestABeatFromBeforeTheCloseDoesNotCutItShort(t *testing.T) {
	var session *Session
	s, err := NewServer(Config{OnSession: func(s *Session) Handler {
		session = s
		return silent{}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	get := func(query string) string {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling"+query, nil))
		return w.Body.String()
	}
	get("")
	if err := session.Send(NewText([]byte("the last word"))); err != nil {
		t.Fatal(err)
	}
	session.Close(ReasonForcedClose)
	session.beat()
	if got := get("&sid=" + session.ID()); got != "4the last word" {
		t.Errorf("the client reads %q", got)
	}
	if got := get("&sid=" + session.ID()); got != "1" {
		t.Errorf("then it reads %q", got)
	}
}
