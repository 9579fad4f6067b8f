// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// The tests TestRowNN go through what the official tests of the reference implementation expect on
// the wire, area by area, under the numbers of the project's table of behaviours: 1 to 18 here, the
// rest in rows_session_test.go. The tests of each file go deeper.

func wantRefusal(t *testing.T, s *enginetest.Server, method, query, body string) {
	t.Helper()
	a := s.Do(method, query, "")
	a.Want(t, http.StatusBadRequest, body)
	if got := a.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
}

func wantRefusedSocket(t *testing.T, s *enginetest.Server, query string, status int, body string) {
	t.Helper()
	socket, a := s.TryDial(query)
	if socket != nil {
		t.Fatal("websocket accepted")
	}
	a.Want(t, status, body)
	if got := a.Header.Get("Content-Type"); got != "text/html" {
		t.Errorf("content type %q", got)
	}
}

func TestRow01UnknownTransport(t *testing.T) {
	s := enginetest.Start(t)
	for _, transport := range []string{"", "&transport=tobi", "&transport=constructor", "&transport=__proto__", "&transport=webtransport"} {
		wantRefusal(t, s, "GET", "EIO=4"+transport, enginetest.UnknownTransport)
		wantRefusedSocket(t, s, "EIO=4"+transport, http.StatusBadRequest, "Transport unknown")
	}
}

func TestRow02UnknownSession(t *testing.T) {
	s := enginetest.Start(t)
	for _, id := range []string{"test", "__proto__"} {
		wantRefusal(t, s, "GET", polling+"&sid="+id, enginetest.UnknownSession)
		wantRefusal(t, s, "POST", polling+"&sid="+id, enginetest.UnknownSession)
	}
}

func TestRow03BadMethod(t *testing.T) {
	s := enginetest.Start(t)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		wantRefusal(t, s, method, polling, enginetest.BadMethod)
	}
}

func TestRow04BadRequest(t *testing.T) {
	s := enginetest.Start(t, eio3, with(func(c *engineio.Config) { c.CORS = &engineio.CORS{Origins: []string{"*"}} }))
	p := s.Poll()
	for _, query := range []string{
		websocket, // no upgrade
		websocket + "&sid=" + p.ID(),
		"EIO=3&transport=polling&sid=" + p.ID(),
	} {
		a := s.Do("GET", query, "", "Origin", "https://chat.example")
		a.Want(t, http.StatusBadRequest, enginetest.BadRequest)
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s: allowed origin %q", query, got)
		}
	}
	p.WantAlive()
}

func TestRow05InvalidOrigin(t *testing.T) {
	engine, err := engineio.NewServer(engineio.Config{OnSession: func(*engineio.Session) engineio.Handler { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/engine.io/?"+polling, nil)
	r.Header.Set("Origin", "http://localhost/\x00") // net/http itself refuses this on the wire
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, r)
	enginetest.Answer{Status: w.Code, Body: w.Body.String()}.Want(t, http.StatusBadRequest, enginetest.BadRequest)
}

func TestRow06AllowRequest(t *testing.T) {
	for text, message := range map[string]string{"Thou shall not pass": "Thou shall not pass", "": "Forbidden"} {
		s := enginetest.Start(t, with(func(c *engineio.Config) {
			c.AllowRequest = func(*http.Request) error { return errors.New(text) }
		}))
		s.Do("GET", polling, "").Want(t, http.StatusForbidden, `{"code":4,"message":"`+message+`"}`)
		wantRefusedSocket(t, s, websocket, http.StatusForbidden, message)
		s.NoSession()
	}
}

func TestRow07ProtocolVersion(t *testing.T) {
	s := enginetest.Start(t)
	for _, version := range []string{"", "EIO=3&", "EIO=abc&", "EIO=5&"} {
		wantRefusal(t, s, "GET", version+"transport=polling", enginetest.BadVersion)
		wantRefusedSocket(t, s, version+"transport=websocket", http.StatusBadRequest, "Unsupported protocol version")
	}
}

func TestRow08OrderOfChecks(t *testing.T) {
	refuse := with(func(c *engineio.Config) { c.AllowRequest = func(*http.Request) error { return errors.New("") } })
	s := enginetest.Start(t, refuse)
	// Each request fails all checks from its own on.
	wantRefusal(t, s, "POST", "EIO=3&transport=tobi&sid=x", enginetest.UnknownTransport)
	wantRefusal(t, s, "POST", "EIO=3&transport=websocket&sid=x", enginetest.UnknownSession)
	wantRefusal(t, s, "POST", "EIO=3&transport=websocket", enginetest.BadMethod)
	wantRefusal(t, s, "GET", "EIO=3&transport=websocket", enginetest.BadRequest)
	s.Do("GET", "EIO=3&transport=polling", "").Want(t, http.StatusForbidden, `{"code":4,"message":"Forbidden"}`)
	wantRefusal(t, enginetest.Start(t), "GET", "EIO=3&transport=polling", enginetest.BadVersion)
}

func TestRow09SessionID(t *testing.T) {
	id := with(func(c *engineio.Config) { c.NewID = func() (string, error) { return "custom", nil } })
	if p := enginetest.Start(t, id).Poll(); p.Opened.SessionID != "custom" {
		t.Errorf("session id %q", p.Opened.SessionID)
	}
	fails := with(func(c *engineio.Config) { c.NewID = func() (string, error) { return "", errors.New("no") } })
	s := enginetest.Start(t, fails)
	wantRefusal(t, s, "GET", polling, enginetest.BadRequest)
	wantRefusedSocket(t, s, websocket, http.StatusBadRequest, "Bad request")
}

func TestRow10OpenPacket(t *testing.T) {
	s := enginetest.Start(t)
	want := enginetest.Open{Upgrades: []string{"websocket"}, PingInterval: 25_000, PingTimeout: 20_000, MaxPayload: 1_000_000}
	open := s.Poll().Opened // which has no other keys
	open.SessionID = ""
	if diff := cmp.Diff(want, open); diff != "" {
		t.Errorf("by polling (-want +got):\n%s", diff)
	}
	none := []string{}
	if _, _, open := s.WebSocket(); !cmp.Equal(open.Upgrades, none) {
		t.Errorf("by websocket: upgrades %v", open.Upgrades)
	}
	for _, change := range []func(*engineio.Config){
		func(c *engineio.Config) { c.Transports = []string{engineio.Polling} },
		func(c *engineio.Config) { c.NoUpgrades = true },
	} {
		if open := enginetest.Start(t, change).Poll().Opened; !cmp.Equal(open.Upgrades, none) {
			t.Errorf("upgrades %v", open.Upgrades)
		}
	}
}

func TestRow11InitialPacket(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) { c.InitialPacket = engineio.NewText([]byte("faster!")) }))
	if _, rest, _ := strings.Cut(s.Do("GET", polling, "").Body, "\x1e"); rest != "4faster!" {
		t.Errorf("the open packet is followed by %q", rest)
	}
}

func TestRow12Cookie(t *testing.T) {
	for want, cookie := range map[string]*engineio.Cookie{
		"":                                       nil,
		"io=ID; Path=/; HttpOnly; SameSite=Lax":  {},
		"woot=ID; HttpOnly; SameSite=Lax":        {Name: "woot", NoPath: true},
		"woot=ID; Path=/custom; SameSite=Strict": {Name: "woot", Path: "/custom", ScriptAccess: true, SameSite: http.SameSiteStrictMode},
		"io=ID; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax": {Secure: true, MaxAge: time.Minute},
	} {
		s := enginetest.Start(t, with(func(c *engineio.Config) { c.Cookie = cookie }))
		a := s.Do("GET", polling, "")
		if got := a.Header.Get("Set-Cookie"); got != strings.Replace(want, "ID", a.SessionID(), 1) {
			t.Errorf("cookie %q, want %q", got, want)
		}
		if got := s.Do("POST", polling+"&sid="+a.SessionID(), "4a").Header.Get("Set-Cookie"); got != "" {
			t.Errorf("cookie %q after the handshake", got)
		}
	}
}

func TestRow13Path(t *testing.T) {
	for _, noSlash := range []bool{false, true} {
		s := enginetest.Start(t, with(func(c *engineio.Config) { c.NoTrailingSlash = noSlash }))
		for path, want := range map[string]bool{"/engine.io/": true, "/engine.io/default/": true, "/engine.io": noSlash, "/foo/": false} {
			r := s.Request("GET", polling, nil)
			r.URL.Path = path
			if a, err := s.Send(r); err != nil || (a.Status == http.StatusOK) != want {
				t.Errorf("%s, no trailing slash %t: answered %d, %v", path, noSlash, a.Status, err)
			}
		}
	}
}

func TestRow14UpgradeOfAnotherPath(t *testing.T) {
	raw := enginetest.Start(t).Connect()
	raw.Write(strings.Replace(upgradeRequest(websocket), "/engine.io/", "/foo/", 1))
	if a := raw.Answer(); a.Status != http.StatusNotFound { // at once, where the reference ends the connection after a second
		t.Errorf("answered %d", a.Status)
	}
}

func TestRow15CORS(t *testing.T) {
	const good, bad = "https://chat.example.com", "https://example.com.evil.net"
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.CORS = &engineio.CORS{
			Origins: []string{"https://*.example.com"}, Credentials: true, MaxAge: 123 * time.Second,
			AllowedHeaders: []string{"my-header"}, ExposedHeaders: []string{"my-exposed-header"}, Methods: []string{"GET", "POST"},
		}
	}))
	status := map[string]int{good: http.StatusOK, bad: http.StatusForbidden} // where the reference lets the browser refuse it
	for origin, allowed := range map[string]string{good: good, bad: ""} {
		want := map[string]string{
			"Origin": allowed, "Methods": "GET,POST", "Headers": "my-header", "Credentials": "true",
		}
		a := s.Do("OPTIONS", polling, "", "Origin", origin)
		a.Want(t, http.StatusNoContent, "")
		for name, value := range want {
			if got := a.Header.Get("Access-Control-Allow-" + name); got != value {
				t.Errorf("preflight from %s: %s %q, want %q", origin, name, got, value)
			}
		}
		if a.Header.Get("Access-Control-Max-Age") != "123" || a.Header.Get("Access-Control-Expose-Headers") != "my-exposed-header" {
			t.Errorf("preflight from %s: %v", origin, a.Header)
		}
		a = s.Do("GET", polling, "", "Origin", origin)
		if a.Status != status[origin] || a.Header.Get("Access-Control-Allow-Origin") != allowed || a.Header.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("answer to %s: %d %v", origin, a.Status, a.Header)
		}
	}
}

func TestRow16Headers(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.InitialHeaders = http.Header{"X-Initial": {"1"}}
		c.OnHeaders = func(h http.Header, _ *http.Request) { h.Set("X-Every", "1") }
	}))
	open := s.Do("GET", polling, "", "User-Agent", "Mozilla/4.0 (compatible;MSIE 8.0; Windows NT 6.1)")
	query := polling + "&sid=" + open.SessionID()
	post := s.Do("POST", query, "4a", "User-Agent", "Mozilla/5.0 (Trident/7.0; rv:11.0) like Gecko")
	poll := s.Do("GET", query, "")
	for _, test := range []struct {
		what    string
		answer  enginetest.Answer
		headers [6]string // content type, length, cache control, XSS protection, initial, every
	}{
		{"handshake", open, [6]string{"text/plain; charset=UTF-8", "", "no-store", "0", "1", "1"}},
		{"post", post, [6]string{"text/html", "2", "no-store", "0", "", "1"}},
		{"poll", poll, [6]string{"text/plain; charset=UTF-8", "2", "no-store", "", "", "1"}},
	} {
		var got [6]string
		for i, name := range []string{"Content-Type", "Content-Length", "Cache-Control", "X-XSS-Protection", "X-Initial", "X-Every"} {
			if got[i] = test.answer.Header.Get(name); i == 1 && test.what == "handshake" {
				got[i] = ""
			}
		}
		if diff := cmp.Diff(test.headers, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.what, diff)
		}
	}
	if _, a := s.TryDial(websocket); a.Header.Get("X-Initial") != "1" || a.Header.Get("X-Every") != "1" {
		t.Errorf("websocket: %v", a.Header)
	}
}

func TestRow17Compression(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	text := strings.Repeat("a", 1024)
	for _, test := range []struct {
		message *engineio.Message
		accept  string
		want    string
	}{
		{engineio.NewText([]byte(text)), "gzip, deflate", "gzip"},
		{engineio.NewText([]byte(text)), "deflate", "deflate"},
		{engineio.NewText([]byte(text)).Compress(false), "gzip, deflate", ""},
		{engineio.NewText([]byte("short")), "gzip, deflate", ""},
	} {
		p.Send(test.message)
		a := s.Do("GET", p.Query, "", "Accept-Encoding", test.accept)
		if got := a.Header.Get("Content-Encoding"); got != test.want {
			t.Errorf("content coding %q, want %q", got, test.want)
		}
		if test.want == "gzip" {
			r, err := gzip.NewReader(strings.NewReader(a.Body))
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := io.ReadAll(r); err != nil || string(plain) != "4"+text {
				t.Errorf("body of %d bytes, %v", len(plain), err)
			}
		}
	}
	if _, a := s.DialDeflate(websocket); a.Header.Get("Sec-Websocket-Extensions") != "" {
		t.Error("websocket compresses by default")
	}
}

func TestRow18Query(t *testing.T) {
	s := enginetest.Start(t)
	s.Do("GET", polling+"&key=1&key2=2", "")
	s.Dial(websocket + "&key=1&key2=2")
	for range 2 {
		if q := s.Session().Handshake().Query; q.Get("key") != "1" || q.Get("key2") != "2" || q.Get("EIO") != "4" {
			t.Errorf("query %v", q)
		}
	}
}
