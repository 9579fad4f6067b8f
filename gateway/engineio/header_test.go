// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

func TestCookie(t *testing.T) {
	for _, test := range []struct {
		name   string
		cookie *engineio.Cookie
		want   string
	}{
		{"none", nil, ""},
		{"default", &engineio.Cookie{}, "io=ID; Path=/; HttpOnly; SameSite=Lax"},
		{"another name", &engineio.Cookie{Name: "woot"}, "woot=ID; Path=/; HttpOnly; SameSite=Lax"},
		{"another path", &engineio.Cookie{Path: "/custom"}, "io=ID; Path=/custom; HttpOnly; SameSite=Lax"},
		{"no path", &engineio.Cookie{NoPath: true}, "io=ID; HttpOnly; SameSite=Lax"},
		{"for scripts", &engineio.Cookie{ScriptAccess: true}, "io=ID; Path=/; SameSite=Lax"},
		{"strict", &engineio.Cookie{SameSite: http.SameSiteStrictMode}, "io=ID; Path=/; HttpOnly; SameSite=Strict"},
		{"no same-site", &engineio.Cookie{SameSite: http.SameSiteDefaultMode}, "io=ID; Path=/; HttpOnly"},
		{
			"the rest", &engineio.Cookie{Domain: "a.example", MaxAge: time.Minute, Secure: true, Partitioned: true},
			"io=ID; Path=/; Domain=a.example; Max-Age=60; HttpOnly; Secure; SameSite=Lax; Partitioned",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := enginetest.Start(t, with(func(c *engineio.Config) { c.Cookie = test.cookie }))
			a := s.Do("GET", polling, "")
			want := strings.Replace(test.want, "ID", a.SessionID(), 1)
			if got := a.Header.Get("Set-Cookie"); got != want {
				t.Errorf("cookie %q, want %q", got, want)
			}
			for _, later := range []enginetest.Answer{
				s.Do("POST", polling+"&sid="+a.SessionID(), "4hello"),
				s.Do("GET", polling+"&sid="+a.SessionID(), ""),
			} {
				if got := later.Header.Get("Set-Cookie"); got != "" || later.Status != http.StatusOK {
					t.Errorf("later answer %d has cookie %q", later.Status, got)
				}
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.InitialHeaders = http.Header{"X-First": {"static"}}
		c.Headers = http.Header{"X-Every": {"static"}}
		c.OnInitialHeaders = func(h http.Header, r *http.Request) { h.Set("X-First-Hook", r.URL.Query().Get("transport")) }
		c.OnHeaders = func(h http.Header, r *http.Request) { h.Set("X-Every-Hook", r.Method) }
	}))
	check := func(what string, a enginetest.Answer, first, firstHook, every, everyHook string) {
		t.Helper()
		got := [4]string{a.Header.Get("X-First"), a.Header.Get("X-First-Hook"), a.Header.Get("X-Every"), a.Header.Get("X-Every-Hook")}
		if want := [4]string{first, firstHook, every, everyHook}; got != want {
			t.Errorf("%s: headers %q, want %q", what, got, want)
		}
	}
	open := s.Do("GET", polling, "")
	check("handshake", open, "static", "polling", "static", "GET")
	session := polling + "&sid=" + open.SessionID()
	check("post", s.Do("POST", session, "4hello"), "", "", "static", "POST")
	check("poll", s.Do("GET", session, ""), "", "", "static", "GET")
	check("refusal", s.Do("GET", "EIO=4&transport=tobi", ""), "", "", "", "")

	_, a := s.TryDial(websocket)
	check("websocket", a, "static", "websocket", "static", "GET")
	_, a = s.TryDial(websocket + "&sid=" + open.SessionID())
	check("upgrade", a, "", "", "static", "GET")
}

func TestInitialPacket(t *testing.T) {
	s := enginetest.Start(t, func(c *engineio.Config) {
		c.InitialPacket = engineio.NewText([]byte("initial"))
		onSession := c.OnSession
		c.OnSession = func(session *engineio.Session) engineio.Handler {
			session.Send(engineio.NewText([]byte("welcome")))
			return onSession(session)
		}
	})
	_, rest, _ := strings.Cut(s.Do("GET", polling, "").Body, "\x1e")
	if rest != "4initial\x1e4welcome" {
		t.Errorf("open packet is followed by %q", rest)
	}
	s.Session()
	socket, _, _ := s.WebSocket()
	for _, want := range []string{"4initial", "4welcome"} {
		if got := socket.ReadText(); got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	}
}
