// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// bundle is long enough to be worth compressing.
var bundle = strings.Repeat("client ", 1000)

// bundles is a directory of client bundles, of which one lies there compressed too. What it is compressed to does not matter
// to a gateway.
func bundles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"socket.io.js": bundle, "socket.io.js.map": bundle, "socket.io.min.js": bundle, "socket.io.min.js.br": "brotli",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// serveBundle asks for a bundle. Headers are given as name, value.
func serveBundle(dir, method, name string, header ...string) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(method, enginePath+name, nil), httptest.NewRecorder()
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	clientFiles(dir).ServeHTTP(w, r)
	return w
}

// TestRow54ClientFiles asks a gateway for the client bundles, and for what is none of them. Row numbers are those of the project's table
// of behaviours; see engineio's rows_request_test.go.
func TestRow54ClientFiles(t *testing.T) {
	leakCheck(t)
	svc, err := manifest.Load(t.Context(), greeter(t, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(svc, "1", Options{Name: "g", NATSURLs: []string{natstest.Start(t, nil).ClientURL()}, ClientDir: bundles(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for _, tt := range []struct {
		path           string
		status         int
		location, body string
	}{
		{"/socket.io/socket.io.js", 200, "", bundle},
		{"/socket.io/socket.io.min.js", 200, "", bundle},
		{"/socket.io/socket.io.js.map", 200, "", bundle},
		{"/socket.io/socket.io.esm.min.js", 302, cdn + "/socket.io.esm.min.js", ""},
		{"/socket.io/socket.io.msgpack.min.js", 302, cdn + "/socket.io.msgpack.min.js", ""},
		{"/socket.io/socket.io.msgpack.min.js.map", 302, cdn + "/socket.io.msgpack.min.js.map", ""},
		{"/socket.io/socket.io.min.js.br", 400, "", `{"code":0,"message":"Transport unknown"}`},
		{"/socket.io/passwd", 400, "", `{"code":0,"message":"Transport unknown"}`},
		{"/socket.io/../socket.io.js", 400, "", `{"code":0,"message":"Transport unknown"}`},
		{"/other/socket.io.js", 404, "", ""},
	} {
		w := httptest.NewRecorder()
		g.Handler().ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
		if w.Code != tt.status || w.Header().Get("Location") != tt.location || tt.body != "" && w.Body.String() != tt.body {
			t.Errorf("%s: %d %v %.100q", tt.path, w.Code, w.Header(), w.Body)
		}
		if from := w.Header().Get("Access-Control-Allow-Origin"); (from == "*") != (tt.status < 400) {
			t.Errorf("%s: pages of %q may load it", tt.path, from)
		}
	}
}

func TestRow54ClientFilesThatDidNotChange(t *testing.T) {
	dir := bundles(t)
	for tag, want := range map[string]int{
		`"` + clientVersion + `"`:   http.StatusNotModified,
		`W/"` + clientVersion + `"`: http.StatusNotModified,
		`"0.0.0"`:                   http.StatusOK,
	} {
		for _, coding := range []string{"br", "gzip", "identity"} {
			w := serveBundle(dir, "GET", "socket.io.min.js", "If-None-Match", tag, "Accept-Encoding", coding)
			if w.Code != want {
				t.Errorf("%s, %s: %d, want %d", tag, coding, w.Code, want)
			}
			if got := w.Header().Get("ETag"); got != `"`+clientVersion+`"` {
				t.Errorf("%s, %s: ETag %s", tag, coding, got)
			}
			if got := w.Header().Get("Vary"); got != "Accept-Encoding" {
				t.Errorf("%s, %s: varies by %q", tag, coding, got)
			}
			if want == http.StatusNotModified && w.Body.Len() > 0 {
				t.Errorf("%s, %s: %d bytes of what did not change", tag, coding, w.Body.Len())
			}
		}
	}
}

func TestRow54ClientFilesAreCompressed(t *testing.T) {
	dir := bundles(t)
	const minified, plain = "socket.io.min.js", "socket.io.js"
	for _, tt := range []struct {
		name, bundle, accepts, coding string
	}{
		{"as browsers ask", minified, "gzip, deflate, br", "br"},
		{"brotli liked best", minified, "br, gzip;q=0.5", "br"},
		{"brotli liked less", minified, "br;q=0.5, gzip", "gzip"},
		{"brotli refused", minified, "br;q=0, gzip", "gzip"},
		{"gzip alone", minified, "gzip", "gzip"},
		{"anything", minified, "*", "br"},
		{"brotli that is not there", plain, "br", ""},
		{"gzip in place of brotli that is not there", plain, "br, gzip", "gzip"},
		{"nothing", minified, "identity", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := serveBundle(dir, "GET", tt.bundle, "Accept-Encoding", tt.accepts, "Range", "bytes=1-2")
			if got := w.Header().Get("Content-Encoding"); w.Code != http.StatusOK || got != tt.coding {
				t.Fatalf("%d in %q, want %q", w.Code, got, tt.coding)
			}
			if got := w.Header().Get("Content-Type"); got != "application/javascript; charset=utf-8" {
				t.Errorf("type %q", got)
			}
			want := map[string]string{"br": "brotli"}[tt.coding]
			if want == "" {
				want = bundle
			}
			if got := decoded(t, w); got != want {
				t.Errorf("%.100q, want %.100q", got, want)
			}
		})
	}
	if got := serveBundle(dir, "GET", "socket.io.js.map").Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("a source map has type %q", got)
	}
}

// decoded is the body without gzip.
func decoded(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Header().Get("Content-Encoding") != "gzip" {
		return w.Body.String()
	}
	r, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestClientFilesAreOnlyRead(t *testing.T) {
	dir := bundles(t)
	if w := serveBundle(dir, "HEAD", "socket.io.js"); w.Code != http.StatusOK || w.Body.Len() > 0 {
		t.Errorf("HEAD: %d and %d bytes", w.Code, w.Body.Len())
	}
	w := serveBundle(dir, "POST", "socket.io.js")
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
	if w := serveBundle("", "GET", "socket.io.js"); w.Header().Get("Location") != cdn+"/socket.io.js" {
		t.Errorf("without bundles: %d %v", w.Code, w.Header())
	}
}
