// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

func TestOpenPacket(t *testing.T) {
	timings := func(c *engineio.Config) {
		c.PingInterval, c.PingTimeout, c.MaxPayload = 12*time.Second, 3500*time.Millisecond, 4321
	}
	want := func(id string, upgrades ...string) enginetest.Open {
		return enginetest.Open{
			SessionID: id, Upgrades: append([]string{}, upgrades...), PingInterval: 12000, PingTimeout: 3500, MaxPayload: 4321,
		}
	}
	for _, test := range []struct {
		name     string
		change   func(*engineio.Config)
		upgrades []string
	}{
		{"both transports", func(*engineio.Config) {}, []string{"websocket"}},
		{"polling only", func(c *engineio.Config) { c.Transports = []string{engineio.Polling} }, nil},
		{"upgrades switched off", func(c *engineio.Config) { c.NoUpgrades = true }, nil},
	} {
		t.Run("polling, "+test.name, func(t *testing.T) {
			p := enginetest.Start(t, timings, test.change).Poll()
			if diff := cmp.Diff(want(p.ID(), test.upgrades...), p.Opened); diff != "" {
				t.Errorf("open packet (-want +got):\n%s", diff)
			}
			if p.Transport() != engineio.Polling {
				t.Errorf("transport %q", p.Transport())
			}
		})
	}
	t.Run("websocket", func(t *testing.T) {
		_, session, open := enginetest.Start(t, timings).WebSocket()
		if diff := cmp.Diff(want(session.ID()), open); diff != "" {
			t.Errorf("open packet (-want +got):\n%s", diff)
		}
		if session.Transport() != engineio.WebSocket {
			t.Errorf("transport %q", session.Transport())
		}
	})
}

func TestDefaults(t *testing.T) {
	p := enginetest.Start(t).Poll()
	want := enginetest.Open{SessionID: p.ID(), Upgrades: []string{"websocket"}, PingInterval: 25000, PingTimeout: 20000, MaxPayload: 1000000}
	if diff := cmp.Diff(want, p.Opened); diff != "" {
		t.Errorf("open packet (-want +got):\n%s", diff)
	}
	if len(p.ID()) != 20 || strings.Trim(p.ID(), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("session id %q, want 20 characters of base64url", p.ID())
	}
}

func TestSessionID(t *testing.T) {
	t.Run("made by the application", func(t *testing.T) {
		s := enginetest.Start(t, with(func(c *engineio.Config) { c.NewID = func() (string, error) { return "gateway-1.abc", nil } }))
		p := s.Poll()
		if p.ID() != "gateway-1.abc" || p.Opened.SessionID != p.ID() {
			t.Errorf("session id %q, told %q", p.ID(), p.Opened.SessionID)
		}
		p.WantAlive()
	})
	t.Run("that is in use already", func(t *testing.T) {
		s := enginetest.Start(t, with(func(c *engineio.Config) { c.NewID = func() (string, error) { return "same", nil } }))
		p := s.Poll()
		s.Do("GET", polling, "").Want(t, http.StatusBadRequest, enginetest.BadRequest)
		s.Dial(websocket).WantClosed(1005)
		p.WantAlive()
	})
	t.Run("that is empty", func(t *testing.T) {
		s := enginetest.Start(t, with(func(c *engineio.Config) { c.NewID = func() (string, error) { return "", nil } }))
		s.Do("GET", polling, "").Want(t, http.StatusBadRequest, enginetest.BadRequest)
		s.NoSession()
	})
	t.Run("that cannot be made", func(t *testing.T) {
		s := enginetest.Start(t, with(func(c *engineio.Config) {
			c.NewID = func() (string, error) { return "", errors.New("no entropy") }
		}))
		s.Do("GET", polling, "").Want(t, http.StatusBadRequest, enginetest.BadRequest)
		socket, a := s.TryDial(websocket)
		if socket != nil {
			t.Fatal("websocket accepted")
		}
		a.Want(t, http.StatusBadRequest, "Bad request")
		s.NoSession()
	})
}

func TestHandshakeReachesTheApplication(t *testing.T) {
	s := enginetest.Start(t)
	before := time.Now()
	s.Do("GET", polling+"&token=a%20b&token=c", "", "X-Custom", "yes")
	s.TryDial(websocket+"&token=a%20b&token=c", "X-Custom", "yes")
	for range 2 {
		h := s.Session().Handshake()
		if diff := cmp.Diff([]string{"a b", "c"}, h.Query["token"]); diff != "" {
			t.Errorf("query (-want +got):\n%s", diff)
		}
		if h.Header.Get("X-Custom") != "yes" {
			t.Errorf("header %v", h.Header)
		}
		if h.Address != "127.0.0.1" || !strings.HasPrefix(h.RemoteAddr, "127.0.0.1:") {
			t.Errorf("address %q, remote address %q", h.Address, h.RemoteAddr)
		}
		if h.Host != s.Address || !strings.HasPrefix(h.URL, "/engine.io/?EIO=4&") {
			t.Errorf("host %q, URL %q", h.Host, h.URL)
		}
		if h.Secure {
			t.Error("secure over plain HTTP")
		}
		if h.Time.Before(before) || h.Time.After(time.Now()) {
			t.Errorf("time %s", h.Time)
		}
	}
}

func TestTLSIsSecure(t *testing.T) {
	s := enginetest.StartTLS(t)
	if p := s.Poll(); !p.Handshake().Secure {
		t.Error("polling session is not secure")
	}
	if _, session, _ := s.WebSocket(); !session.Handshake().Secure {
		t.Error("websocket session is not secure")
	}
}

// sender sends as soon as it has a session.
type sender struct{ engineio.Handler }

func TestMessageOfOnSessionFollowsTheOpenPacket(t *testing.T) {
	s := enginetest.Start(t, func(c *engineio.Config) {
		onSession := c.OnSession
		c.OnSession = func(session *engineio.Session) engineio.Handler {
			session.Send(engineio.NewText([]byte("welcome")))
			return sender{onSession(session)}
		}
	})
	a := s.Do("GET", polling, "")
	open, rest, _ := strings.Cut(a.Body, "\x1e")
	enginetest.ParseOpen(t, open)
	if rest != "4welcome" {
		t.Errorf("open packet is followed by %q", rest)
	}
	s.Session()
	socket, _, _ := s.WebSocket()
	if got := socket.ReadText(); got != "4welcome" {
		t.Errorf("open packet is followed by %q", got)
	}
}

func TestReconfigure(t *testing.T) {
	var config engineio.Config
	s := enginetest.Start(t, func(c *engineio.Config) {
		c.MaxPayload = 1000
		config = *c
	})
	old := s.Poll()

	config.MaxPayload = 10
	config.PingInterval = time.Minute
	if err := s.Engine.Reconfigure(config); err != nil {
		t.Fatal(err)
	}
	if got := s.Poll().Opened; got.MaxPayload != 10 || got.PingInterval != 60000 {
		t.Errorf("new session was told %+v", got)
	}
	old.Post("4longer than the new limit").Want(t, http.StatusOK, "ok")

	config.Transports = []string{"pigeon"}
	if err := s.Engine.Reconfigure(config); err == nil {
		t.Error("unknown transport was accepted")
	}
	s.Poll()
}

func TestConfigThatMakesNoSense(t *testing.T) {
	onSession := func(*engineio.Session) engineio.Handler { return nil }
	for name, c := range map[string]engineio.Config{
		"no OnSession":        {},
		"path without slash":  {OnSession: onSession, Path: "engine.io/"},
		"no transports":       {OnSession: onSession, Transports: []string{}},
		"unknown transport":   {OnSession: onSession, Transports: []string{"pigeon"}},
		"negative interval":   {OnSession: onSession, PingInterval: -1},
		"negative timeout":    {OnSession: onSession, PingTimeout: -1},
		"negative upgrade":    {OnSession: onSession, UpgradeTimeout: -1},
		"negative payload":    {OnSession: onSession, MaxPayload: -1},
		"negative queue":      {OnSession: onSession, MaxQueueBytes: -1},
		"negative queue size": {OnSession: onSession, MaxQueueMessages: -1},
		"origin with a path":  {OnSession: onSession, CORS: &engineio.CORS{Origins: []string{"https://a.example/"}}},
		"preflight status":    {OnSession: onSession, CORS: &engineio.CORS{PreflightStatus: 404}},
		"negative max age":    {OnSession: onSession, CORS: &engineio.CORS{MaxAge: -1}},
		"negative cookie age": {OnSession: onSession, Cookie: &engineio.Cookie{MaxAge: -1}},
		"cookie's name":       {OnSession: onSession, Cookie: &engineio.Cookie{Name: "a b"}},
		"cookie's path":       {OnSession: onSession, Cookie: &engineio.Cookie{Path: "/", NoPath: true}},
		"header of our own":   {OnSession: onSession, Headers: http.Header{"Content-Length": {"1"}}},
		"header in two lines": {OnSession: onSession, InitialHeaders: http.Header{"X-A": {"a\r\nb"}}},
		"header with a space": {OnSession: onSession, Headers: http.Header{"X A": {"a"}}},
		"header not as usual": {OnSession: onSession, Headers: http.Header{"x-a": {"a"}}},
		"negative threshold":  {OnSession: onSession, HTTPCompressionThreshold: -1},
		"negative deflate":    {OnSession: onSession, PerMessageDeflate: &engineio.PerMessageDeflate{Threshold: -1}},
		"negative sessions":   {OnSession: onSession, MaxSessions: -1},
		"header name":         {OnSession: onSession, CORS: &engineio.CORS{AllowedHeaders: []string{"X Y"}}},
	} {
		if _, err := engineio.NewServer(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSubprotocolIsTheFirstOffered(t *testing.T) {
	s := enginetest.Start(t)
	_, a := s.TryDial(websocket, "Sec-WebSocket-Protocol", "chat, superchat")
	if got := a.Header["Sec-Websocket-Protocol"]; !cmp.Equal(got, []string{"chat"}) {
		t.Errorf("chosen: %q", got)
	}
}

func TestHandlerAroundTheServer(t *testing.T) {
	middleware := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Every", "answer")
			if r.URL.Query().Get("sid") == "" {
				w.Header().Set("Set-Cookie", "first=answer")
			}
			if r.URL.Query().Has("teapot") {
				w.WriteHeader(http.StatusTeapot)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	s := enginetest.StartOn(t, func(h http.Handler) *httptest.Server { return httptest.NewServer(middleware(h)) })
	check := func(a enginetest.Answer, handshake bool) {
		t.Helper()
		if a.Header.Get("X-Every") != "answer" || (a.Header.Get("Set-Cookie") != "") != handshake {
			t.Errorf("answered %d with headers %v", a.Status, a.Header)
		}
	}
	check(s.Do("GET", polling, ""), true)
	session := s.Session()
	check(s.Do("POST", polling+"&sid="+session.ID(), "4hello"), false)
	check(s.Do("GET", polling+"&sid="+session.ID(), ""), false)
	check(s.Do("GET", "EIO=4&transport=tobi", ""), true)
	_, a := s.TryDial(websocket)
	check(a, true)

	if a := s.Do("GET", polling+"&teapot", ""); a.Status != http.StatusTeapot {
		t.Errorf("middleware's own answer: %d", a.Status)
	}
	if _, a := s.TryDial(websocket + "&teapot"); a.Status != http.StatusTeapot {
		t.Errorf("middleware's own answer to a websocket: %d", a.Status)
	}
}
