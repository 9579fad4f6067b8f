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

const (
	polling   = "EIO=4&transport=polling"
	websocket = "EIO=4&transport=websocket"
)

func TestRefusedRequests(t *testing.T) {
	const unusedID = "&sid=AAAAAAAAAAAAAAAAAAAA"
	for _, test := range []struct {
		name, method, query, want string
	}{
		{"transport missing", "GET", "EIO=4", enginetest.UnknownTransport},
		{"transport unknown", "GET", "EIO=4&transport=tobi", enginetest.UnknownTransport},
		{"transport constructor", "GET", "EIO=4&transport=constructor", enginetest.UnknownTransport},
		{"transport __proto__", "GET", "EIO=4&transport=__proto__", enginetest.UnknownTransport},
		{"webtransport over HTTP", "GET", "EIO=4&transport=webtransport", enginetest.UnknownTransport},
		{"session unknown", "GET", polling + unusedID, enginetest.UnknownSession},
		{"session __proto__", "POST", polling + "&sid=__proto__", enginetest.UnknownSession},
		{"handshake by POST", "POST", polling, enginetest.BadMethod},
		{"handshake by PUT", "PUT", polling, enginetest.BadMethod},
		{"handshake by DELETE", "DELETE", polling, enginetest.BadMethod},
		{"handshake by OPTIONS without CORS", "OPTIONS", polling, enginetest.BadMethod},
		{"websocket without an upgrade", "GET", websocket, enginetest.BadRequest},
		{"EIO missing", "GET", "transport=polling", enginetest.BadVersion},
		{"EIO unknown", "GET", "EIO=abc&transport=polling", enginetest.BadVersion},
		{"EIO 3", "GET", "EIO=3&transport=polling", enginetest.BadVersion},

		{"transport comes before session", "GET", "EIO=4&transport=tobi" + unusedID, enginetest.UnknownTransport},
		{"session comes before method", "PUT", polling + unusedID, enginetest.UnknownSession},
		{"method comes before version", "POST", "EIO=3&transport=polling", enginetest.BadMethod},
		{"upgrade comes before version", "GET", "EIO=3&transport=websocket", enginetest.BadRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := enginetest.Start(t)
			a := s.Do(test.method, test.query, "")
			a.Want(t, http.StatusBadRequest, test.want)
			if got := a.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q", got)
			}
			s.NoSession()
		})
	}
}

func TestRefusedWebSockets(t *testing.T) {
	for _, test := range []struct {
		name, query, want string
	}{
		{"transport missing", "EIO=4", "Transport unknown"},
		{"transport unknown", "EIO=4&transport=tobi", "Transport unknown"},
		{"transport polling", polling, "Bad request"},
		{"session unknown", websocket + "&sid=__proto__", "Session ID unknown"},
		{"EIO missing", "transport=websocket", "Unsupported protocol version"},
		{"EIO unknown", "EIO=abc&transport=websocket", "Unsupported protocol version"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := enginetest.Start(t)
			socket, a := s.TryDial(test.query)
			if socket != nil {
				t.Fatal("accepted")
			}
			a.Want(t, http.StatusBadRequest, test.want)
			if got := a.Header.Get("Content-Type"); got != "text/html" {
				t.Errorf("content type %q", got)
			}
			s.NoSession()
		})
	}
}

func TestWebSocketHandshakeWithoutKeyIsRefused(t *testing.T) {
	s := enginetest.Start(t)
	s.Do("GET", websocket, "", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13").
		Want(t, http.StatusBadRequest, "Bad request")
	s.NoSession()
}

func TestTransportThatIsNotOfferedIsUnknown(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) { c.Transports = []string{engineio.WebSocket} }))
	s.Do("GET", polling, "").Want(t, http.StatusBadRequest, enginetest.UnknownTransport)
	s.WebSocket()
}

func TestRequestsThatDoNotFitTheSession(t *testing.T) {
	t.Run("websocket request for a polling session", func(t *testing.T) {
		s := enginetest.Start(t)
		p := s.Poll()
		s.Do("GET", websocket+"&sid="+p.ID(), "").Want(t, http.StatusBadRequest, enginetest.BadRequest)
		p.WantAlive()
	})
	t.Run("poll of a websocket session", func(t *testing.T) {
		s := enginetest.Start(t)
		socket, session, _ := s.WebSocket()
		s.Do("GET", polling+"&sid="+session.ID(), "").Want(t, http.StatusBadRequest, enginetest.BadRequest)
		s.Do("POST", polling+"&sid="+session.ID(), "4hello").Want(t, http.StatusBadRequest, enginetest.BadRequest)
		socket.Write("4still there")
		if got := socket.ReadText(); got != "4still there" {
			t.Errorf("read %q", got)
		}
	})
	t.Run("another version of the protocol", func(t *testing.T) {
		s := enginetest.Start(t)
		p := s.Poll()
		s.Do("GET", "EIO=3&transport=polling&sid="+p.ID(), "").Want(t, http.StatusBadRequest, enginetest.BadRequest)
		socket, a := s.TryDial("EIO=3&transport=websocket&sid=" + p.ID())
		if socket != nil || a.Status != http.StatusBadRequest {
			t.Errorf("upgrade answered %d", a.Status)
		}
		p.WantAlive()
	})
	t.Run("method that polling does not use", func(t *testing.T) {
		s := enginetest.Start(t)
		p := s.Poll()
		s.Do("PUT", p.Query, "4hello").Want(t, http.StatusBadRequest, enginetest.BadRequest)
		s.Do("OPTIONS", p.Query, "").Want(t, http.StatusBadRequest, enginetest.BadRequest)
		p.WantAlive()
	})
}

func TestErrorsHaveCORSHeaders(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.CORS = &engineio.CORS{Origins: []string{"https://chat.example"}, Credentials: true}
	}))
	p := s.Poll()
	a := s.Do("GET", websocket+"&sid="+p.ID(), "", "Origin", "https://chat.example")
	a.Want(t, http.StatusBadRequest, enginetest.BadRequest)
	if got := a.Header.Get("Access-Control-Allow-Origin"); got != "https://chat.example" {
		t.Errorf("allowed origin %q", got)
	}
}

func TestOriginWithControlCharacterIsRefused(t *testing.T) {
	t.Run("on the wire", func(t *testing.T) { // net/http refuses it in its own words
		s := enginetest.Start(t)
		raw := s.Connect()
		raw.Write("GET /engine.io/?" + polling + " HTTP/1.1\r\nHost: x\r\nOrigin: http://\x01\r\n\r\n")
		if a := raw.Answer(); a.Status != http.StatusBadRequest {
			t.Errorf("answered %d", a.Status)
		}
	})
	t.Run("behind a server that lets it through", func(t *testing.T) {
		engine, err := engineio.NewServer(engineio.Config{OnSession: func(*engineio.Session) engineio.Handler { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/engine.io/?"+polling, nil)
		r.Header.Set("Origin", "http://\x01")
		engine.ServeHTTP(w, r)
		enginetest.Answer{Status: w.Code, Body: w.Body.String()}.Want(t, http.StatusBadRequest, enginetest.BadRequest)
	})
}

func TestAllowRequest(t *testing.T) {
	for _, test := range []struct {
		name           string
		err            error
		status         int
		body, text     string
		wantRetryAfter string
	}{
		{"any error", errors.New("no entry"), http.StatusForbidden, `{"code":4,"message":"no entry"}`, "no entry", ""},
		{"error without text", errors.New(""), http.StatusForbidden, `{"code":4,"message":"Forbidden"}`, "Forbidden", ""},
		{"refusal without text", &engineio.Refusal{}, http.StatusForbidden, `{"code":4,"message":"Forbidden"}`, "Forbidden", ""},
		{
			"refusal with all", &engineio.Refusal{Status: http.StatusServiceUnavailable, Message: "full", RetryAfter: 1500 * time.Millisecond},
			http.StatusServiceUnavailable, `{"code":4,"message":"full"}`, "full", "2",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := enginetest.Start(t, with(func(c *engineio.Config) {
				c.AllowRequest = func(r *http.Request) error {
					if r.URL.Query().Get("token") == "secret" {
						return nil
					}
					return test.err
				}
			}))
			a := s.Do("GET", polling, "")
			a.Want(t, test.status, test.body)
			if got := a.Header.Get("Retry-After"); got != test.wantRetryAfter {
				t.Errorf("Retry-After %q, want %q", got, test.wantRetryAfter)
			}
			socket, a := s.TryDial(websocket)
			if socket != nil {
				t.Fatal("websocket accepted")
			}
			a.Want(t, test.status, test.text)
			s.NoSession()

			s.Dial(websocket + "&token=secret")
		})
	}
}

func TestAllowRequestIsAskedBeforeTheVersion(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.AllowRequest = func(*http.Request) error { return errors.New("no entry") }
	}))
	s.Do("GET", "EIO=3&transport=polling", "").Want(t, http.StatusForbidden, `{"code":4,"message":"no entry"}`)
}

func TestPath(t *testing.T) {
	s := enginetest.Start(t)
	for path, want := range map[string]int{
		"/engine.io/":         http.StatusOK,
		"/engine.io/default/": http.StatusOK,
		"/engine.io":          http.StatusNotFound,
		"/":                   http.StatusNotFound,
	} {
		r := s.Request("GET", polling, nil)
		r.URL.Path = path
		if a, err := s.Send(r); err != nil || a.Status != want {
			t.Errorf("%s: answered %d, %v, want %d", r.URL.Path, a.Status, err, want)
		}
	}

	for _, configured := range []string{"/engine.io", "/engine.io/"} {
		s = enginetest.Start(t, with(func(c *engineio.Config) { c.Path, c.NoTrailingSlash = configured, true }))
		for path, want := range map[string]int{
			"/engine.io":          http.StatusOK,
			"/engine.io/":         http.StatusOK,
			"/engine.io/default/": http.StatusOK,
			"/engine.ious":        http.StatusNotFound,
		} {
			r := s.Request("GET", polling, nil)
			r.URL.Path = path
			if a, err := s.Send(r); err != nil || a.Status != want {
				t.Errorf("%s without a trailing slash: answered %d, %v, want %d", path, a.Status, err, want)
			}
		}
	}

	s = enginetest.Start(t, with(func(c *engineio.Config) { c.Path = "/" }))
	r := s.Request("GET", polling, nil)
	r.URL.Path = "/anything"
	if a, err := s.Send(r); err != nil || a.Status != http.StatusOK {
		t.Errorf("path of a server for all: answered %d, %v", a.Status, err)
	}
}

func TestCORS(t *testing.T) {
	const origin = "https://chat.example"
	any := engineio.CORS{Origins: []string{"*"}}
	one := engineio.CORS{Origins: []string{origin, "https://other.example"}}
	all := engineio.CORS{
		Origins: []string{origin}, Credentials: true, Methods: []string{"GET", "POST"}, AllowedHeaders: []string{"X-A", "X-B"},
		ExposedHeaders: []string{"X-C"}, MaxAge: 90 * time.Second,
	}
	credentials := engineio.CORS{Origins: []string{"*"}, Credentials: true}
	reflected := engineio.CORS{Origins: []string{"*"}, Reflect: true}
	pattern := engineio.CORS{Origins: []string{"https://*.example"}, PreflightStatus: http.StatusOK}
	for _, test := range []struct {
		name   string
		cors   *engineio.CORS
		method string
		origin string
		status int
		want   map[string]string
	}{
		{"none", nil, "GET", origin, 200, map[string]string{}},
		{"any origin", &any, "GET", origin, 200, map[string]string{"Access-Control-Allow-Origin": "*"}},
		{"listed origin", &one, "GET", origin, 200, map[string]string{"Access-Control-Allow-Origin": origin, "Vary": "Origin"}},
		{"foreign origin", &one, "GET", "https://evil.example", 403, map[string]string{"Vary": "Origin"}},
		{"no origin", &one, "GET", "", 200, map[string]string{"Vary": "Origin"}},
		{"any origin with credentials", &credentials, "GET", origin, 200, map[string]string{
			"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Vary": "Origin",
		}},
		{"any origin, reflected", &reflected, "GET", origin, 200, map[string]string{"Access-Control-Allow-Origin": origin, "Vary": "Origin"}},
		{"origin of a pattern", &pattern, "GET", origin, 200, map[string]string{"Access-Control-Allow-Origin": origin, "Vary": "Origin"}},
		{"origin of no pattern", &pattern, "GET", origin + ".evil", 403, map[string]string{"Vary": "Origin"}},
		{"preflight, status for old browsers", &pattern, "OPTIONS", origin, 200, map[string]string{
			"Access-Control-Allow-Origin":  origin,
			"Access-Control-Allow-Methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
			"Access-Control-Allow-Headers": "X-Asked",
			"Vary":                         "Origin,Access-Control-Request-Headers",
		}},
		{"preflight, any origin", &any, "OPTIONS", origin, 204, map[string]string{
			"Access-Control-Allow-Origin":  "*",
			"Access-Control-Allow-Methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
			"Access-Control-Allow-Headers": "X-Asked",
			"Vary":                         "Access-Control-Request-Headers",
		}},
		{"preflight, all settings", &all, "OPTIONS", origin, 204, map[string]string{
			"Access-Control-Allow-Origin":      origin,
			"Access-Control-Allow-Credentials": "true",
			"Access-Control-Allow-Methods":     "GET,POST",
			"Access-Control-Allow-Headers":     "X-A,X-B",
			"Access-Control-Expose-Headers":    "X-C",
			"Access-Control-Max-Age":           "90",
			"Vary":                             "Origin",
		}},
		{"preflight, foreign origin", &all, "OPTIONS", "https://evil.example", 204, map[string]string{
			"Access-Control-Allow-Credentials": "true",
			"Access-Control-Allow-Methods":     "GET,POST",
			"Access-Control-Allow-Headers":     "X-A,X-B",
			"Access-Control-Expose-Headers":    "X-C",
			"Access-Control-Max-Age":           "90",
			"Vary":                             "Origin",
		}},
		{"answer, all settings", &all, "GET", origin, 200, map[string]string{
			"Access-Control-Allow-Origin":      origin,
			"Access-Control-Allow-Credentials": "true",
			"Access-Control-Expose-Headers":    "X-C",
			"Vary":                             "Origin",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := enginetest.Start(t, with(func(c *engineio.Config) { c.CORS = test.cors }))
			header := []string{"Access-Control-Request-Headers", "X-Asked"}
			if test.origin != "" {
				header = append(header, "Origin", test.origin)
			}
			a := s.Do(test.method, polling, "", header...)
			if a.Status != test.status || (test.method == "OPTIONS") != (a.Body == "") {
				t.Errorf("answered %d %q", a.Status, a.Body)
			}
			got := map[string]string{}
			for _, k := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods",
				"Access-Control-Allow-Headers", "Access-Control-Expose-Headers", "Access-Control-Max-Age", "Vary"} {
				if v := a.Header.Values(k); len(v) > 0 {
					got[k] = v[0]
					for _, more := range v[1:] {
						got[k] += "," + more
					}
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAHandshakeThatIsTooLargeIsRefused(t *testing.T) {
	s := enginetest.Start(t)
	large := strings.Repeat("x", 5000)
	a := s.Do("GET", polling, "", "X-Large", large)
	a.Want(t, http.StatusRequestHeaderFieldsTooLarge, `{"code":3,"message":"Request headers too large"}`)
	if _, a := s.TryDial(websocket, "X-Large", large); a.Status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("by websocket: %d", a.Status)
	}
	s.NoSession()
	if a := s.Do("GET", polling, "", "Cookie", large); a.Status != http.StatusOK {
		t.Errorf("with large cookies: %d", a.Status)
	}
	if h := s.Session().Handshake(); h.Header.Get("Cookie") != "" {
		t.Error("the cookies are kept")
	}
}
