// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAKeptHandshakeIsWhatTheRequestTold(t *testing.T) {
	now := time.Unix(1_780_000_000, 123)
	for name, change := range map[string]func(*http.Request){
		"no headers":          func(*http.Request) {},
		"of a browser":        func(r *http.Request) { r.Header = browserHeader() },
		"with TLS":            func(r *http.Request) { r.TLS = &tls.ConnectionState{} },
		"not by TCP":          func(r *http.Request) { r.RemoteAddr = "@" },
		"by IPv6":             func(r *http.Request) { r.RemoteAddr = "[2001:db8::1]:443" },
		"parameters":          func(r *http.Request) { r.URL.RawQuery = "EIO=4&a=b%20c&a=d&=&e&f=%zz" },
		"a long header":       func(r *http.Request) { r.Header.Set("X-Long", strings.Repeat("é", 1000)) },
		"a header many times": func(r *http.Request) { r.Header["Cookie"] = []string{"a", "", "b"} },
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/engine.io/?EIO=4", nil)
			change(r)
			want := &Request{
				Address: Address(r.RemoteAddr), RemoteAddr: r.RemoteAddr, Host: r.Host, URL: r.URL.RequestURI(),
				Header: r.Header, Query: r.URL.Query(), Secure: r.TLS != nil, Time: now,
			}
			kept := Keep(r, now)
			if diff := cmp.Diff(want, kept.Expand()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A client can send four times as much, and stay connected for as long as it likes.
func TestWhatIsKeptOfAHandshakeIsBounded(t *testing.T) {
	long := strings.Repeat("c", 5000)
	many := http.Header{}
	for i := range 200 {
		many.Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 20))
	}
	for _, test := range []struct {
		name   string
		header http.Header
		url    string
		lacks  []string
		fits   bool
	}{
		{"of a browser", browserHeader(), "/engine.io/?EIO=4", nil, true},
		{"large cookies", http.Header{"Cookie": {long}, "Authorization": {"Bearer x"}}, "/engine.io/?EIO=4", []string{"Cookie"}, true},
		{"a large token", http.Header{"Authorization": {long}}, "/engine.io/?EIO=4", []string{"Cookie", "Authorization"}, true},
		{"many cookies", http.Header{"Cookie": slices.Repeat([]string{"a=b"}, 2000)}, "/engine.io/?EIO=4", []string{"Cookie"}, true},
		{"a large header that many send alike", http.Header{"User-Agent": {long}}, "/engine.io/?EIO=4", nil, false},
		{"many headers", many, "/engine.io/?EIO=4", nil, false},
		{"a long URL", http.Header{"Cookie": {long}}, "/engine.io/?EIO=4&token=" + strings.Repeat("t", 3000), []string{"Cookie"}, true},
		{"a URL that is too long", http.Header{}, "/engine.io/?EIO=4&token=" + long, nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", test.url, nil)
			r.Header = test.header.Clone()
			r.Header.Set("X-Forwarded-For", "203.0.113.7")
			if _, fits := leftOut(r); fits != test.fits {
				t.Fatalf("fits: %t, want %t", fits, test.fits)
			}
			if !test.fits {
				return
			}
			kept := Keep(r, time.Now())
			if n := len(kept.own) + len(kept.common.Value()); n > maxHandshake {
				t.Errorf("%d bytes are kept", n)
			}
			want := r.Header.Clone()
			for _, name := range test.lacks {
				want.Del(name)
			}
			h := kept.Expand()
			if got := LeftOut(r); slices.ContainsFunc(got, func(name string) bool { return h.Header[name] != nil || r.Header[name] == nil }) {
				t.Errorf("%q are said to be left out", got)
			} else if len(got) != len(r.Header)-len(h.Header) {
				t.Errorf("%q are left out, and %d headers of %d are kept", got, len(h.Header), len(r.Header))
			}
			if diff := cmp.Diff(want, h.Header); diff != "" || h.URL != test.url {
				t.Errorf("kept is the URL %.40s, and (-want +got):\n%s", h.URL, diff)
			}
		})
	}
}

func browserHeader() http.Header {
	return http.Header{
		"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"},
		"Accept":     {"*/*"}, "Accept-Encoding": {"gzip, deflate, br, zstd"}, "Accept-Language": {"en-GB,en;q=0.9"},
		"Origin": {"https://chat.example.com"}, "Cookie": {"session=0123456789abcdef"}, "X-Forwarded-For": {"203.0.113.7"},
	}
}

func TestClientsShareWhatTheySendAlike(t *testing.T) {
	r := httptest.NewRequest("GET", "/engine.io/?EIO=4", nil)
	r.Header = browserHeader()
	first := Keep(r, time.Now())
	r.Header = browserHeader()
	r.Header.Set("Cookie", "session=another")
	if second := Keep(r, time.Now()); second.common != first.common || second.own == first.own {
		t.Errorf("kept %q and %q", first.own, second.own)
	}
}

func BenchmarkKeepHandshake(b *testing.B) {
	r := httptest.NewRequest("GET", "/engine.io/?EIO=4", nil)
	r.Header = browserHeader()
	b.ReportAllocs()
	for b.Loop() {
		Keep(r, time.Now())
	}
}
