// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

func TestLogsNameNoSessionID(t *testing.T) {
	var log bytes.Buffer
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.ErrorLog = slog.New(slog.NewTextHandler(&log, nil))
		onSession := c.OnSession
		c.OnSession = func(session *engineio.Session) engineio.Handler {
			onSession(session)
			return handler{message: func([]byte) { panic("oops") }, close: func(engineio.CloseReason) {}}
		}
	}))
	p := s.Poll()
	p.Post("4hello")
	p.WantGone()
	text := log.String()
	if !strings.Contains(text, "oops") || !strings.Contains(text, p.LogID()) || strings.Contains(text, p.ID()) {
		t.Errorf("log says %s", text)
	}
}

// lines passes on what is written, one write at a time.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func TestAWrapperWithoutHijackerIsToldOnce(t *testing.T) {
	log := make(lines, 8)
	t.Cleanup(func() { // when the server has ended
		if len(log) > 0 {
			t.Errorf("told besides: %s", <-log)
		}
	})
	s := enginetest.StartOn(t, func(h http.Handler) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(struct{ http.ResponseWriter }{w}, r) // as a middleware that counts bytes may
		}))
	}, with(func(c *engineio.Config) { c.ErrorLog = slog.New(slog.NewTextHandler(log, nil)) }))
	for range 3 {
		if _, a := s.TryDial("EIO=4&transport=websocket"); a.Status != http.StatusBadRequest {
			t.Errorf("a websocket is answered %d %s", a.Status, a.Body)
		}
	}
	if line := <-log; !strings.Contains(line, "no client can use websockets") || !strings.Contains(line, "Hijacker") {
		t.Errorf("told %s", line)
	}
	s.Poll() // polling goes on
}
