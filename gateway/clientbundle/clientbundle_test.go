// SPDX-License-Identifier: Apache-2.0

package clientbundle

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// bundle is long enough to be worth compressing.
var bundle = strings.Repeat("client ", 1000)

// bundleFolder is a folder of bundles, of which one is there compressed too. The compressed content
// does not matter to the handler.
func bundleFolder() fs.FS {
	return fstest.MapFS{
		"passwd": {Data: []byte("secret")}, "socket.io.js": {Data: []byte(bundle)}, "socket.io.js.map": {Data: []byte(bundle)},
		"socket.io.min.js": {Data: []byte(bundle)}, "socket.io.min.js.br": {Data: []byte("brotli")},
	}
}

// serveBundle asks for a bundle. Headers are given as name, value.
func serveBundle(files fs.FS, method, name string, header ...string) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(method, "/socket.io/"+name, nil), httptest.NewRecorder()
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	New(Options{Files: files}).ServeHTTP(w, r)
	return w
}

// A program that mounts the bundles serves them beneath its server's path, and nothing else of the
// folder.
func TestBeneathAServersPath(t *testing.T) {
	server := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := New(Options{Files: bundleFolder(), Version: "4.7.0"}).Beneath("/socket.io/", server)
	for path, want := range map[string]struct {
		status   int
		location string
	}{
		"/socket.io/socket.io.min.js":     {http.StatusOK, ""},
		"/socket.io/socket.io.esm.min.js": {http.StatusFound, cdn + "4.7.0/socket.io.esm.min.js"},
		"/socket.io/socket.io.min.js.br":  {http.StatusTeapot, ""},
		"/socket.io/":                     {http.StatusTeapot, ""},
		"/other/socket.io.js":             {http.StatusTeapot, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want.status || w.Header().Get("Location") != want.location {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if w.Code == http.StatusOK && w.Header().Get("ETag") != `"4.7.0"` {
			t.Errorf("%s: ETag %s", path, w.Header().Get("ETag"))
		}
	}
}

func TestOnlyBundlesAreServed(t *testing.T) {
	for _, name := range []string{"socket.io.min.js.br", "passwd", ""} {
		if w := serveBundle(bundleFolder(), "GET", name); w.Code != http.StatusNotFound {
			t.Errorf("%q: %d", name, w.Code)
		}
	}
}

func TestRow54ClientFilesThatDidNotChange(t *testing.T) {
	dir := bundleFolder()
	for tag, want := range map[string]int{
		`"` + Version + `"`:   http.StatusNotModified,
		`W/"` + Version + `"`: http.StatusNotModified,
		`"0.0.0"`:             http.StatusOK,
	} {
		for _, coding := range []string{"br", "gzip", "identity"} {
			w := serveBundle(dir, "GET", "socket.io.min.js", "If-None-Match", tag, "Accept-Encoding", coding)
			if w.Code != want {
				t.Errorf("%s, %s: %d, want %d", tag, coding, w.Code, want)
			}
			if got := w.Header().Get("ETag"); got != `"`+Version+`"` {
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
	dir := bundleFolder()
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
	dir := bundleFolder()
	if w := serveBundle(dir, "HEAD", "socket.io.js"); w.Code != http.StatusOK || w.Body.Len() > 0 {
		t.Errorf("HEAD: %d and %d bytes", w.Code, w.Body.Len())
	}
	w := serveBundle(dir, "POST", "socket.io.js")
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
	if w := serveBundle(nil, "GET", "socket.io.js"); w.Header().Get("Location") != cdn+Version+"/socket.io.js" {
		t.Errorf("without bundles: %d %v", w.Code, w.Header())
	}
}
