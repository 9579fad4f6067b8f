// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// withProtocol is a service with these settings of the wire.
func withProtocol(t *testing.T, protocol string) *v1alpha1.RealtimeService {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte("apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: wire}\n"+
		"spec: {protocol: "+protocol+", namespaces: [{name: /, handlers: [{event: connection, do: [{emit: {event: hello, args: \"['"+
		strings.Repeat("x", 2000)+"']\"}}]}]}]}"))
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

// served runs a gateway, with a NATS server of its own.
func served(t *testing.T, svc *v1alpha1.RealtimeService) (g *Gateway, url string) {
	t.Helper()
	leakCheck(t)
	g, err := New(svc, "1", Options{Name: t.Name(), NATSURLs: []string{natstest.Start(t, nil).ClientURL()}})
	if err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewServer(g.Handler())
	t.Cleanup(func() {
		g.Close()
		hs.Close()
	})
	return g, hs.URL
}

// wire runs a gateway, and asks it as clients do.
func wire(t *testing.T, protocol string) (*Gateway, func(method, query string, header map[string]string) *http.Response) {
	t.Helper()
	g, url := served(t, withProtocol(t, protocol))
	return g, func(method, query string, header map[string]string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(method, url+enginePath+"?EIO=4&transport=polling"+query, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range header {
			r.Header.Set(name, value)
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
}

func TestHeadersOfAManifest(t *testing.T) {
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	_, ask := wire(t, `{cookie: {name: sid, sameSite: Strict, secure: true, maxAgeSeconds: 60}, headers: {x-all: a}, initialHeaders: {x-first: b},
		cors: {origins: ["https://*.example.com"], credentials: true, exposedHeaders: [x-all], allowedHeaders: [x-token], maxAgeSeconds: 600}}`)
	opened := ask("GET", "", map[string]string{"Origin": "https://chat.example.com"})
	for name, want := range map[string]string{
		"X-All": "a", "X-First": "b",
		"Access-Control-Allow-Origin":      "https://chat.example.com",
		"Access-Control-Allow-Credentials": "true",
		"Access-Control-Expose-Headers":    "x-all",
	} {
		if got := opened.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	cookie := opened.Header.Get("Set-Cookie")
	for _, part := range []string{"sid=", "Path=/", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=60"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie %q has no %s", cookie, part)
		}
	}
	preflight := ask("OPTIONS", "", map[string]string{"Origin": "https://chat.example.com", "Access-Control-Request-Method": "POST"})
	if preflight.StatusCode != http.StatusNoContent || preflight.Header.Get("Access-Control-Max-Age") != "600" ||
		preflight.Header.Get("Access-Control-Allow-Headers") != "x-token" {
		t.Errorf("the preflight gets %d %v", preflight.StatusCode, preflight.Header)
	}
	if other := ask("GET", "", map[string]string{"Origin": "https://example.com.evil.net"}); other.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a page of elsewhere is let in: %v", other.Header)
	}
}

func TestOriginsOfAManifest(t *testing.T) {
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	for protocol, want := range map[string]int{
		"{}": http.StatusOK,
		"{cors: {origins: ['https://chat.example', 'capacitor://localhost', 'file://']}}": http.StatusForbidden,
		"{cors: {origins: ['*']}}": http.StatusOK,
		"{cors: {origins: ['https://chat.example'], policy: HeadersOnly}}": http.StatusOK,
	} {
		_, ask := wire(t, protocol)
		resp := ask("GET", "", map[string]string{"Origin": "https://evil.example"})
		if resp.StatusCode != want {
			t.Errorf("%s: a foreign page is answered %d, want %d", protocol, resp.StatusCode, want)
		}
	}
}

func TestCompressionOfAManifest(t *testing.T) {
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	for protocol, want := range map[string]string{"{}": "gzip", "{compression: {polling: {enabled: false}}}": "", "{compression: {polling: {enabled: true, thresholdBytes: 4096}}}": ""} {
		_, ask := wire(t, protocol)
		body, err := io.ReadAll(ask("GET", "", nil).Body)
		if err != nil {
			t.Fatal(err)
		}
		sid := strings.Split(string(body), `"`)[3]
		connect, err := http.Post("http://"+ask("GET", "", nil).Request.Host+enginePath+"?EIO=4&transport=polling&sid="+sid, "text/plain", strings.NewReader("40"))
		if err != nil {
			t.Fatal(err)
		}
		connect.Body.Close()
		if got := ask("GET", "&sid="+sid, map[string]string{"Accept-Encoding": "gzip"}).Header.Get("Content-Encoding"); got != want {
			t.Errorf("%s: the answer's encoding is %q, want %q", protocol, got, want)
		}
	}
}

func TestAdmissionOfAManifest(t *testing.T) {
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	g, ask := wire(t, `{admission: [{expression: "request.query['token'] == 'secret'", message: "no token"}, {expression: "request.headers['x-v'] != '1'"}]}`)
	for _, tt := range []struct {
		query  string
		header map[string]string
		status int
		body   string
	}{
		{"&token=secret", map[string]string{"X-V": "2"}, 200, ""},
		{"&token=guess", map[string]string{"X-V": "2"}, 403, `{"code":4,"message":"no token"}`},
		{"", map[string]string{"X-V": "2"}, 403, `{"code":4,"message":"no token"}`}, // the rule fails, and refuses
		{"&token=secret", map[string]string{"X-V": "1"}, 403, `{"code":4,"message":"Forbidden"}`},
	} {
		resp := ask("GET", tt.query, tt.header)
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != tt.status || tt.body != "" && string(body) != tt.body {
			t.Errorf("%s %v: %d %s", tt.query, tt.header, resp.StatusCode, body)
		}
	}
	if err := g.Apply(withProtocol(t, "{}"), "2"); err != nil {
		t.Fatal(err)
	}
	if resp := ask("GET", "", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("without rules a handshake is answered with %d", resp.StatusCode)
	}
}

func TestHandshakesOfAManifest(t *testing.T) {
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	g, ask := wire(t, "{handshakes: {perSecond: 1, burst: 2}}")
	var refused *http.Response
	for range 1000 {
		if resp := ask("GET", "", nil); resp.StatusCode != http.StatusOK {
			refused = resp
			break
		}
	}
	if refused == nil || refused.StatusCode != http.StatusServiceUnavailable || refused.Header.Get("Retry-After") == "" {
		t.Fatalf("beyond the burst the answer is %+v", refused)
	}
	w := httptest.NewRecorder()
	g.Ops().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`realtime_handshakes_refused_total{reason="rate"} 1`, `realtime_handshakes_refused_total{reason="draining"} 0`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("metrics lack %s", want)
		}
	}

	if err := g.Apply(withProtocol(t, "{handshakes: {perSecond: 0}}"), "2"); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if resp := ask("GET", "", nil); resp.StatusCode != http.StatusOK {
			t.Fatalf("without a bound a handshake is answered %d", resp.StatusCode)
		}
	}
}
