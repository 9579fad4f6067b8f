// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/dev/page"
)

func ask(t *testing.T, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	page.Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFilesAreServedWithTheirTypeAndThePolicy(t *testing.T) {
	for target, contentType := range map[string]string{
		"/":          "text/html; charset=utf-8",
		"/style.css": "text/css; charset=utf-8",
		"/chat.js":   "text/javascript; charset=utf-8",
	} {
		r := ask(t, http.MethodGet, target)
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", target, r.StatusCode)
		}
		want := map[string]string{
			"Content-Type":           contentType,
			"Cache-Control":          "no-cache",
			"X-Content-Type-Options": "nosniff",
		}
		for name, value := range want {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", target, name, got, value)
			}
		}
		policy := r.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", target, policy)
		}
	}
}

func TestWhatThePageLoadsIsThere(t *testing.T) {
	html := body(t, ask(t, http.MethodGet, "/"))
	loaded := regexp.MustCompile(`(?:src|href)="(/[^"]*)"`).FindAllStringSubmatch(html, -1)
	if len(loaded) < 3 {
		t.Fatalf("the page loads %v", loaded)
	}
	for _, match := range loaded {
		if target := match[1]; target != "/socket.io/socket.io.min.js" {
			if r := ask(t, http.MethodGet, target); r.StatusCode != http.StatusOK {
				t.Errorf("%s: status %d", target, r.StatusCode)
			}
		}
	}
	// The policy would keep them from working.
	for _, inline := range []string{"<script>", "<style>", " style=", " onclick="} {
		if strings.Contains(html, inline) {
			t.Errorf("the page has %s", inline)
		}
	}
}

func TestUnchangedFileIsNotSentAgain(t *testing.T) {
	first := ask(t, http.MethodGet, "/chat.js")
	again := ask(t, http.MethodGet, "/chat.js", "If-None-Match", first.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified || body(t, again) != "" {
		t.Errorf("status %d, want 304 without a body", again.StatusCode)
	}
}

func TestHeadHasNoBody(t *testing.T) {
	r := ask(t, http.MethodHead, "/")
	if r.StatusCode != http.StatusOK || body(t, r) != "" {
		t.Errorf("status %d, want 200 without a body", r.StatusCode)
	}
}

func TestOtherPathsAreNotFound(t *testing.T) {
	for _, target := range []string{"/index.html", "/page.go", "/favicon.ico", "/style.css/", "/socket.io", "/../page.go"} {
		if r := ask(t, http.MethodGet, target); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", target, r.StatusCode)
		}
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	r := ask(t, http.MethodPost, "/")
	if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("status %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
}
