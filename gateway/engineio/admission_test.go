// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// limited runs a server whose bucket gets one token a second, which is slow against requests.
func limited(t *testing.T, burst int, configure ...func(*engineio.Config)) *enginetest.Server {
	t.Helper()
	return enginetest.Start(t, append(configure, func(c *engineio.Config) {
		c.HandshakesPerSecond, c.HandshakeBurst = 1, burst
	})...)
}

// untilRefused makes handshakes until one is refused.
func untilRefused(t *testing.T, handshake func() enginetest.Answer) enginetest.Answer {
	t.Helper()
	for range 1000 {
		if a := handshake(); a.Status != http.StatusOK && a.Status != http.StatusSwitchingProtocols {
			return a
		}
	}
	t.Fatal("a thousand handshakes are let in")
	return enginetest.Answer{}
}

func wantRetryAfter(t *testing.T, a enginetest.Answer) {
	t.Helper()
	if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 5 {
		t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
	}
}

func TestTooManyHandshakes(t *testing.T) {
	var rated atomic.Int32
	s := limited(t, 3, func(c *engineio.Config) {
		c.CORS = &engineio.CORS{Origins: []string{"*"}}
		c.OnRefused = func(r engineio.RefusedHandshake) {
			if r.Reason == engineio.RefusedRate {
				rated.Add(1)
			}
		}
	})
	p := s.Poll()
	for range 2 {
		if a := s.Do("GET", polling, ""); a.Status != http.StatusOK {
			t.Fatalf("a handshake within the burst is answered %d %s", a.Status, a.Body)
		}
	}

	a := untilRefused(t, func() enginetest.Answer { return s.Do("GET", polling, "", "Origin", "https://a.example") })
	a.Want(t, http.StatusServiceUnavailable, `{"code":4,"message":"Too many handshakes"}`)
	wantRetryAfter(t, a)
	if a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("a page cannot read it: %v", a.Header)
	}
	a = untilRefused(t, func() enginetest.Answer {
		_, a := s.TryDial(websocket)
		return a
	})
	if a.Status != http.StatusServiceUnavailable {
		t.Errorf("a websocket handshake is answered %d", a.Status)
	}
	wantRetryAfter(t, a)
	if n := rated.Load(); n != 2 {
		t.Errorf("%d refusals are told, want 2", n)
	}

	for range 20 { // with an empty bucket
		p.WantAlive()
	}
	wantEcho(t, upgraded(t, s, p))
}

func TestBadHandshakesTakeNoToken(t *testing.T) {
	s := limited(t, 1)
	for range 50 {
		for _, bad := range []struct{ method, query string }{
			{"GET", "?EIO=2&transport=polling"}, {"POST", polling}, {"GET", "?EIO=4&transport=none"}, {"GET", polling + "&sid=none"},
		} {
			if a := s.Do(bad.method, bad.query, ""); a.Status != http.StatusBadRequest {
				t.Fatalf("%s %s is answered %d", bad.method, bad.query, a.Status)
			}
		}
	}
	if a := s.Do("GET", polling, ""); a.Status != http.StatusOK {
		t.Errorf("the first good handshake is answered %d %s", a.Status, a.Body)
	}
}

func TestRefusalsAreToldWithTheirReason(t *testing.T) {
	told := make(chan engineio.RefusedHandshake, 10)
	s := enginetest.Start(t, func(c *engineio.Config) {
		c.MaxSessions = 1
		c.OnRefused = func(r engineio.RefusedHandshake) { told <- r }
		c.AllowRequest = func(r *http.Request) error {
			if r.Header.Get("X-Bad") != "" {
				return &engineio.Refusal{}
			}
			return nil
		}
	})
	want := func(reason engineio.RefusalReason, a enginetest.Answer) {
		t.Helper()
		select {
		case got := <-told:
			if got.Reason != reason {
				t.Errorf("told %q, want %q", got.Reason, reason)
			}
			body := fmt.Sprintf(`{"code":%d,"message":%q}`, got.Code, got.Message)
			if got.Status != a.Status || body != strings.TrimSpace(a.Body) {
				t.Errorf("told of an answer %d %s, want %d %s", got.Status, body, a.Status, a.Body)
			}
			if got.Request == nil || got.Request.URL.Query().Get("EIO") != "4" {
				t.Errorf("told of request %v", got.Request)
			}
		default:
			t.Errorf("nobody is told %q", reason)
		}
	}
	want(engineio.RefusedInvalid, s.Do("GET", "EIO=4&transport=none", ""))
	want(engineio.RefusedForbidden, s.Do("GET", polling, "", "X-Bad", "1"))
	s.Do("GET", polling+"&sid=none", "") // no handshake
	s.Poll()
	want(engineio.RefusedFull, s.Do("GET", polling, ""))
	s.Engine.Close()
	want(engineio.RefusedDraining, s.Do("GET", polling, ""))
	if len(told) > 0 {
		t.Errorf("told %v besides", <-told)
	}
}
