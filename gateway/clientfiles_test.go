// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// TestRow54ClientFiles asks a gateway for the client bundles, and for what is none of them. Row
// numbers are those of the project's table of behaviors; see engineio's rows_request_test.go.
func TestRow54ClientFiles(t *testing.T) {
	leakCheck(t)
	svc, err := manifest.Load(t.Context(), greeter(t, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	const bundle, cdn = "the client", "https://cdn.socket.io/4.8.4"
	dir := t.TempDir()
	for _, name := range []string{"socket.io.js", "socket.io.js.map", "socket.io.min.js", "socket.io.min.js.br"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(bundle), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g, err := New(svc, "1", Options{Name: "g", NATSURLs: []string{natstest.Start(t, nil).ClientURL()}, ClientDir: dir})
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
