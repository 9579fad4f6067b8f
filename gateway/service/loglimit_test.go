// SPDX-License-Identifier: Apache-2.0

package service

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/loglimit"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// lines are those of a log. Safe for concurrent use.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// with counts the lines that have a text.
func (l *lines) with(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func TestFailuresBeyondTheFirstAreSummedUp(t *testing.T) {
	const more = 312
	p := specProgram(t, `
  protocol: {admission: [{expression: "request.query['token'] == 'x'"}]}
  namespaces:
  - name: /
    handlers:
    - {event: bad, do: [{emit: {event: never, args: "[args[7]]"}}]}
    - {event: other, do: [{emit: {event: never, args: "[args[8]]"}}]}
`)
	synctest.Test(t, func(t *testing.T) {
		var log lines
		io, err := socketio.NewServer(socketio.Options{Engine: engineio.Config{PingInterval: time.Hour}})
		if err != nil {
			t.Fatal(err)
		}
		r := NewRuntime(io, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		r.Apply(p)
		c := connectPolling(t, io)
		c.post(strings.Repeat("42[\"bad\"]\x1e", loglimit.Lines+more-1) + `42["bad"]`)
		c.post(`42["other"]`)
		for range loglimit.Lines + more {
			if err := r.AllowRequest(httptest.NewRequest(http.MethodGet, "/", nil)); err == nil {
				t.Fatal("the rule does not refuse")
			}
		}
		if n := log.with(`"a handler failed"`); n != loglimit.Lines+1 {
			t.Errorf("%d lines of handlers, want %d of one and 1 of another", n, loglimit.Lines)
		}
		if n := log.with(`"an admission rule failed, and refuses"`); n != loglimit.Lines {
			t.Errorf("%d lines of the rule, want %d", n, loglimit.Lines)
		}
		time.Sleep(loglimit.Period) // of the bubble's clock
		synctest.Wait()
		for _, text := range []string{
			`msg="a handler failed: 312 more in the last minute" namespace=/ handler=handlers[0]`,
			`msg="an admission rule failed, and refuses: 312 more in the last minute" rule=0`,
		} {
			if n := log.with(text); n != 1 {
				t.Errorf("%d lines say %s:\n%s", n, text, log.text.String())
			}
		}
		if n := log.with("more in the last minute"); n != 2 {
			t.Errorf("%d lines sum up, want 2", n)
		}
		io.Close()
	})
}
