// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// The tests have a server of their own, and between it and the doctor a proxy in which one thing is
// wrong. test/proxies has real proxies.

func newServer(t *testing.T, config engineio.Config) *socketio.Server {
	t.Helper()
	config.PingInterval, config.PingTimeout = 300*time.Millisecond, 300*time.Millisecond
	if config.MaxPayload == 0 {
		config.MaxPayload = 100_000
	}
	io, err := socketio.NewServer(socketio.Options{Engine: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { io.Close() })
	return io
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// through returns a proxy to the server that changes requests, or answers them itself by returning
// true.
func through(t *testing.T, to http.Handler, change func(http.ResponseWriter, *http.Request) bool) http.Handler {
	t.Helper()
	target, err := url.Parse(serve(t, to))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change == nil || !change(w, r) {
			proxy.ServeHTTP(w, r)
		}
	})
}

// examine returns the findings by check; several of one check are in their order.
func examine(t *testing.T, o Options) map[string][]Finding {
	t.Helper()
	var out bytes.Buffer
	o.JSON, o.Out = true, &out
	err := Run(t.Context(), o)
	var failure *FailedError
	if err != nil && !errors.As(err, &failure) {
		t.Fatal(err)
	}
	var report struct {
		OK       bool      `json:"ok"`
		Findings []Finding `json:"findings"`
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	if report.OK != (err == nil) {
		t.Errorf("the report says %t, and the error is %v", report.OK, err)
	}
	byCheck := map[string][]Finding{}
	for _, f := range report.Findings {
		byCheck[f.Check] = append(byCheck[f.Check], f)
	}
	return byCheck
}

func want(t *testing.T, findings []Finding, status Status, message, advice string) {
	t.Helper()
	for _, f := range findings {
		if f.Status == status && strings.Contains(f.Message, message) && strings.Contains(strings.Join(f.Advice, "\n"), advice) {
			return
		}
	}
	t.Errorf("found %+v, want %s with %q and the advice %q", findings, status, message, advice)
}

func TestNothingIsWrong(t *testing.T) {
	t.Parallel()
	found := examine(t, Options{URL: serve(t, through(t, newServer(t, engineio.Config{}), nil))})
	for check, findings := range found {
		for _, f := range findings {
			if f.Status == Failed {
				t.Errorf("%s: %s", check, f.Message)
			}
		}
	}
	for _, check := range []string{"handshake", "sessions", "answers", "websocket", "upgrade", "payload", "silence"} {
		want(t, found[check], OK, "", "")
	}
	want(t, found["payload"], OK, "polling: 100000 bytes", "")
	want(t, found["payload"], OK, "WebSocket: a message of 100000 bytes", "")
	want(t, found["silence"], OK, "polling", "")
	want(t, found["silence"], OK, "WebSocket", "")
	want(t, found["certificate"], Note, "no TLS", "")
	want(t, found["address"], Skipped, "", "")
}

func TestHandshakeFails(t *testing.T) {
	t.Parallel()
	io := newServer(t, engineio.Config{})
	for name, c := range map[string]struct {
		proxy           http.HandlerFunc
		message, advice string
	}{
		"a redirect": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://chat.example.com"+r.URL.Path, http.StatusMovedPermanently)
			}, "301 Moved Permanently to https://chat.example.com/socket.io/", "follow no redirect",
		},
		"another path": {http.NotFound, "404 Not Found", "route the path /socket.io/"},
		"no gateway": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Server", "nginx/1.22.1")
				w.WriteHeader(http.StatusBadGateway)
			}, "502 Bad Gateway, by nginx", "kubectl get rts",
		},
		"a page": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>It works!</html>")) },
			`not Engine.IO's: "<html>It works!</html>"`, "",
		},
		"a refusal": {
			func(w http.ResponseWriter, r *http.Request) {
				r.URL.RawQuery = "EIO=4&transport=carrier-pigeon"
				io.ServeHTTP(w, r)
			}, `the server refuses: 400 Bad Request ("Transport unknown")`, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := examine(t, Options{URL: serve(t, c.proxy)})
			want(t, found["handshake"], Failed, c.message, c.advice)
			if len(found["sessions"]) > 0 {
				t.Error("the doctor goes on without a handshake")
			}
		})
	}
}

func TestOneThingIsWrong(t *testing.T) {
	t.Parallel()
	post := func(r *http.Request) bool { return r.Method == http.MethodPost }
	webSocket := func(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }
	var turns atomic.Int64
	for name, c := range map[string]struct {
		change                 func(http.ResponseWriter, *http.Request) bool
		check, message, advice string
		status                 Status
	}{
		"upgrades are dropped": {
			change: func(_ http.ResponseWriter, r *http.Request) bool {
				r.Header.Del("Upgrade")
				return false
			},
			check: "websocket", status: Failed, message: "instead of 101", advice: "nginx: proxy_http_version 1.1;",
		},
		"a firewall forbids upgrades": {
			change: func(w http.ResponseWriter, r *http.Request) bool {
				if webSocket(r) {
					w.Header().Set("Server", "Apache")
					w.WriteHeader(http.StatusForbidden)
				}
				return webSocket(r)
			},
			check: "upgrade", status: Failed, message: "403 Forbidden, by Apache", advice: "upgrade=websocket",
		},
		"bodies are limited": {
			change: func(w http.ResponseWriter, r *http.Request) bool {
				if r.ContentLength > 30_000 {
					w.Header().Set("Server", "nginx")
					w.WriteHeader(http.StatusRequestEntityTooLarge)
				}
				return r.ContentLength > 30_000
			},
			check: "payload", status: Failed, message: "413 Request Entity Too Large, by nginx; 25000 bytes get through", advice: "client_max_body_size 1m",
		},
		"polls are cut": {
			change: func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodGet && r.URL.Query().Get("sid") != "" && !webSocket(r) {
					w.Header().Set("Server", "h2o/2.2.5")
					w.WriteHeader(http.StatusBadGateway)
					return true
				}
				return false
			},
			check: "silence", status: Failed, message: "polling: cut after 0 s of silence (502 Bad Gateway)", advice: "proxy.timeout.io: 6000",
		},
		"polls are repeated elsewhere": {
			change: func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodGet && r.URL.Query().Get("sid") != "" && !webSocket(r) {
					w.Header().Set("Server", "nginx")
					w.WriteHeader(http.StatusBadRequest)
					_, _ = w.Write([]byte(`{"code":1,"message":"Session ID unknown"}`))
					return true
				}
				return false
			},
			check: "silence", status: Failed, message: "made again at another gateway", advice: "proxy_next_upstream off",
		},
		"polls come from a cache": {
			change: func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Get("sid") != "" {
					w.Header().Set("X-Cache", "HIT from cdn")
				}
				return false
			},
			check: "answers", status: Failed, message: "X-Cache: HIT from cdn", advice: "may be cached",
		},
		"requests reach another service": {
			change: func(w http.ResponseWriter, r *http.Request) bool {
				if post(r) && turns.Add(1) == 3 { // the first one ends the session of the handshake
					w.WriteHeader(http.StatusBadRequest)
					_, _ = w.Write([]byte(`{"code":1,"message":"Session ID unknown"}`))
					return true
				}
				return false
			},
			check: "sessions", status: Failed, message: `request 2 of a session, over a connection of its own: 400 Bad Request ("Session ID unknown")`, advice: "port 7443",
		},
		"session affinity": {
			change: func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Add("Set-Cookie", "INGRESSCOOKIE=1; Path=/")
				return false
			},
			check: "handshake", status: Note, message: "the cookie INGRESSCOOKIE", advice: "any gateway takes any request",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := examine(t, Options{URL: serve(t, through(t, newServer(t, engineio.Config{}), c.change))})
			want(t, found[c.check], c.status, c.message, c.advice)
		})
	}
}

// What holds an answer back is found, however short that is.
func TestAnswersAreHeldBack(t *testing.T) {
	t.Parallel()
	p, err := newPatient(Options{URL: serve(t, newServer(t, engineio.Config{}))})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	p.prompt = 0
	want(t, withSession(examineAnswers)(t.Context(), p), Failed, "something holds requests or answers back", "buffering")
	want(t, withSession(examineUpgrade)(t.Context(), p), Failed, "something holds it back", "buffering off for WebSockets")
}

// Those whom the namespace does not let in are sent away by the server, which says nothing of what
// is on the way.
func TestTheServerDoesNotKeepStrangers(t *testing.T) {
	t.Parallel()
	io, err := socketio.NewServer(socketio.Options{
		ConnectTimeout: 100 * time.Millisecond,
		Engine:         engineio.Config{PingInterval: time.Hour, PingTimeout: time.Hour, MaxPayload: 1000},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { io.Close() })
	io.Use(func(*socketio.Socket) error { return errors.New("token_missing") })
	found := examine(t, Options{URL: serve(t, io)})
	want(t, found["answers"], OK, `it is a refusal of namespace /: "token_missing"`, "")
	want(t, found["silence"], Skipped, `polling: the server has ended the session after 0 s, as namespace / does not let the doctor in ("token_missing")`, "")
	want(t, found["silence"], Skipped, `WebSocket: the server has ended`, "")
}

// serveTLS starts a server with HTTP/2, and returns it with the file of its authority.
func serveTLS(t *testing.T) (server *httptest.Server, authority string) {
	t.Helper()
	server = httptest.NewUnstartedServer(newServer(t, engineio.Config{}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	authority = filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return server, authority
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	server, authority := serveTLS(t)

	found := examine(t, Options{URL: server.URL})
	want(t, found["certificate"], Failed, "unknown authority", "--ca-file")

	found = examine(t, Options{URL: server.URL, CAFile: authority})
	want(t, found["certificate"], OK, "valid until 2084-01-29", "")
	want(t, found["handshake"], OK, "HTTP/2.0", "")
	want(t, found["websocket"], OK, "", "")
	want(t, found["streams"], OK, "HTTP/2 with 250 requests", "")

	found = examine(t, Options{URL: strings.Replace(server.URL, "127.0.0.1", "localhost", 1), CAFile: authority})
	want(t, found["certificate"], Failed, "not localhost", "the URL's host name")
	if found["handshake"] == nil {
		t.Error("whether something else is wrong is not examined")
	}
}

// A service is examined before its name leads to it. The certificate of httptest is for
// example.com.
func TestConnectTo(t *testing.T) {
	t.Parallel()
	server, authority := serveTLS(t)
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"host and port":         {URL: "https://example.com/", ConnectTo: net.JoinHostPort(host, port)},
		"the port is the URL's": {URL: "https://example.com:" + port + "/", ConnectTo: host},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.CAFile = authority
			found := examine(t, o)
			for _, check := range []string{"certificate", "handshake", "sessions", "websocket", "upgrade", "streams", "payload", "silence"} {
				want(t, found[check], OK, "", "")
			}
		})
	}
}

func TestFewStreams(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(newServer(t, engineio.Config{}))
	server.EnableHTTP2 = true
	server.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 25}
	server.StartTLS()
	t.Cleanup(server.Close)
	found := examine(t, Options{URL: server.URL, Insecure: true})
	want(t, found["streams"], Note, "HTTP/2 with 25 requests", "")
}

func TestNoHTTP2(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(newServer(t, engineio.Config{}))
	server.TLS = &tls.Config{NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	found := examine(t, Options{URL: server.URL, Insecure: true})
	want(t, found["streams"], Note, "the seventh that polls waits", "")
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	const origin = "https://app.example.com"
	with := engineio.Config{CORS: &engineio.CORS{Origins: []string{origin}}}
	found := examine(t, Options{URL: serve(t, newServer(t, with)), Origin: origin})
	want(t, found["origin"], OK, origin, "")

	found = examine(t, Options{URL: serve(t, newServer(t, engineio.Config{})), Origin: origin})
	want(t, found["origin"], Failed, "may not read the answers", "spec.protocol.cors.origins: ["+origin+"]")

	twice := through(t, newServer(t, with), func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Add("Access-Control-Allow-Origin", "*")
		return false
	})
	found = examine(t, Options{URL: serve(t, twice), Origin: origin})
	want(t, found["origin"], Failed, "2 times", "the gateways alone")
}

// A service that offers WebTransport is examined by it, and one whose UDP leads nowhere says so.
func TestUDPLeadsNowhere(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(newServer(t, engineio.Config{Transports: []string{engineio.Polling, engineio.WebSocket, engineio.WebTransport}}))
	server.StartTLS()
	t.Cleanup(server.Close)
	p, err := newPatient(Options{URL: server.URL, Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if examineHandshake(t.Context(), p); p.hopeless {
		t.Fatal("there is no handshake")
	}
	want(t, examineWebTransport(t.Context(), p), Failed, "UDP does not reach it", "webTransportPort")
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	var problem atomic.Value
	problem.Store("")
	counts := map[string]int{}
	metrics := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		counts[problem.Load().(string)]++ // one more each time that it is asked
		for name, n := range counts {
			if name != "" {
				_, _ = w.Write([]byte("realtime_client_address_problems_total{problem=\"" + name + "\"} " + string(rune('0'+n)) + "\n"))
			}
		}
	}))
	o := Options{URL: serve(t, newServer(t, engineio.Config{})), Metrics: []string{metrics}}
	found := examine(t, o)
	want(t, found["address"], OK, "no problem", "")
	for name, advice := range map[string]string{
		"untrusted": "spec.protocol.trustedProxies", "missing": "option forwardfor", "malformed": "no IP address", "proxy_protocol": "PROXY protocol's header",
	} {
		problem.Store(name)
		want(t, examine(t, o)["address"], Failed, "do not know clients' addresses: "+name, advice)
	}
	o.Metrics = []string{serve(t, http.NotFoundHandler())}
	want(t, examine(t, o)["address"], Failed, "the answer is 404 Not Found", "port 9090")
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"chat.example.com":              "https://chat.example.com/socket.io/",
		"http://chat.example.com/":      "http://chat.example.com/socket.io/",
		"wss://chat.example.com/rt/?x#": "https://chat.example.com/rt/",
		"ws://127.0.0.1:3000":           "http://127.0.0.1:3000/socket.io/",
	} {
		if u, err := engineURL(text); err != nil || u.String() != want {
			t.Errorf("engineURL(%q) = %v, %v, want %s", text, u, err, want)
		}
	}
	for text, want := range map[string]string{
		"ftp://chat": "want a URL with http or https", "https://": "there is no host", "https://[": "is no URL",
	} {
		if _, err := engineURL(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("engineURL(%q) fails with %v, want %q", text, err, want)
		}
	}
	if err := Run(t.Context(), Options{URL: "chat", Auth: json.RawMessage("{")}); err == nil || !strings.Contains(err.Error(), "is not JSON") {
		t.Errorf("a payload that is no JSON: %v", err)
	}
}

// The report for people has one line for each finding, and one for each piece of advice.
func TestReport(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := newReporter(&out, false)
	f := failed([]string{"this", "that"}, "%d bytes", 3)
	f.Check = "payload"
	r.report(f)
	err := r.finish("")
	const want = "failed   payload       3 bytes\n" +
		"                       → this\n" +
		"                       → that\n" +
		"Not all gets through: 1 failed.\n"
	if out.String() != want || err == nil {
		t.Errorf("the report is\n%s with %v, want\n%s", &out, err, want)
	}
}
