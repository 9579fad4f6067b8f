// SPDX-License-Identifier: Apache-2.0

package outgoing

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/certtest"
)

// listen starts a TLS server, and returns its URL and its authority.
func listen(t *testing.T, h http.HandlerFunc) (url, ca string) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// ask is the status of an answer, 0 if there is none.
func ask(t *testing.T, s *Server) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

func TestWhoIsTrustedChangesWhileInUse(t *testing.T) {
	url, ca := listen(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	other := string(certtest.New(t, "other").Certificate)
	s, err := New(Config{URL: url, Idle: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := ask(t, s); got != 0 {
		t.Errorf("by the authorities of the system: %d", got)
	}
	if s, err = New(Config{URL: url, CA: ca, Idle: 1, CAByTrust: true}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := ask(t, s); got != 0 || s.transport.Load().TLSClientConfig.RootCAs == nil {
		t.Errorf("before there are authorities: %d", got)
	}
	for _, step := range []struct {
		name, ca      string
		changed, fine bool
		status        int
	}{
		{"by its authority", ca, true, true, http.StatusNoContent},
		{"by the same", ca, false, true, http.StatusNoContent},
		{"by another", other, true, true, 0},
		{"by both", other + ca, true, true, http.StatusNoContent},
		{"by what is no certificate", "x", true, false, 0},
		{"by nothing", "", true, false, 0}, // and not by the system's
		{"by its authority again", ca, true, true, http.StatusNoContent},
	} {
		changed, err := s.Trust([]byte(step.ca))
		if got := ask(t, s); changed != step.changed || (err == nil) != step.fine || got != step.status {
			t.Errorf("%s: status %d, changed %v, error %v", step.name, got, changed, err)
		}
	}
}

func TestRedirects(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(plain.Close)
	var url, ca string
	url, ca = listen(t, func(w http.ResponseWriter, r *http.Request) {
		switch n := strings.Count(r.URL.Path, "x"); {
		case strings.HasSuffix(r.URL.Path, "/plain"):
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case n > 0:
			http.Redirect(w, r, strings.Replace(r.URL.Path, "x", "", 1), http.StatusFound)
		}
	})
	for name, test := range map[string]struct {
		path    string
		most    int
		allowed bool
		want    int
	}{
		"none are followed":               {"/x", 0, false, http.StatusFound},
		"as many as may be":               {"/xx", 2, false, http.StatusOK},
		"one more":                        {"/xxx", 2, false, 0},
		"to plain HTTP":                   {"/plain", 2, false, 0},
		"to plain HTTP where that may be": {"/plain", 2, true, http.StatusNoContent},
	} {
		s, err := New(Config{URL: url + test.path, CA: ca, Redirects: test.most, AllowHTTP: test.allowed})
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, s); got != test.want {
			t.Errorf("%s: status %d, want %d", name, got, test.want)
		}
		s.Close()
	}
}

func TestServersThatAreRefused(t *testing.T) {
	for _, c := range []Config{
		{}, {URL: "example.com"}, {URL: "ftp://example.com"}, {URL: "https://"}, {URL: "http://example.com"},
		{URL: "https://u:password@example.com"}, {URL: "https://[::1"}, {URL: "https://u:password@[::1"},
		{URL: "https://example.com", CA: "x"},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is accepted", c)
		} else if strings.Contains(err.Error(), "password") {
			t.Errorf("the error has the password in it: %v", err)
		}
	}
	if _, err := New(Config{URL: "http://example.com", AllowHTTP: true}); err != nil {
		t.Errorf("where HTTP is allowed: %v", err)
	}
}
