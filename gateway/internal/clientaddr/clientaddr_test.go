// SPDX-License-Identifier: Apache-2.0

package clientaddr

import (
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// trusting returns a resolver that trusts ranges, and the problems that it tells.
func trusting(ranges ...string) (*Resolver, *[]Problem) {
	var problems []Problem
	v := &Resolver{OnProblem: func(p Problem) { problems = append(problems, p) }}
	t := Trust{}
	for _, text := range ranges {
		t.Proxies = append(t.Proxies, netip.MustParsePrefix(text))
	}
	v.Set(t)
	return v, &problems
}

// resolve returns the RemoteAddr of a request with the X-Forwarded-For lines given.
func resolve(v *Resolver, remote string, lines ...string) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = remote
	for _, line := range lines {
		r.Header.Add("X-Forwarded-For", line)
	}
	return v.Request(r).RemoteAddr
}

func TestForwardedFor(t *testing.T) {
	for name, test := range map[string]struct {
		remote  string
		lines   []string
		want    string
		problem Problem
	}{
		"no proxy":                             {"198.51.100.1:7", nil, "198.51.100.1:7", ""},
		"no proxy, but a header":               {"198.51.100.1:7", []string{"203.0.113.9"}, "198.51.100.1:7", Untrusted},
		"a stranger that names a proxy":        {"198.51.100.1:7", []string{"203.0.113.9, 10.0.0.1"}, "198.51.100.1:7", Untrusted},
		"a proxy":                              {"10.0.0.1:7", []string{"203.0.113.9"}, "203.0.113.9:7", ""},
		"a proxy without a header":             {"10.0.0.1:7", nil, "10.0.0.1:7", Missing},
		"what the client itself has sent":      {"10.0.0.1:7", []string{"1.2.3.4, 203.0.113.9"}, "203.0.113.9:7", ""},
		"in a line of its own":                 {"10.0.0.1:7", []string{"1.2.3.4", "203.0.113.9"}, "203.0.113.9:7", ""},
		"a client that claims to be a proxy":   {"10.0.0.1:7", []string{"10.0.0.9, 203.0.113.9"}, "203.0.113.9:7", ""},
		"two proxies":                          {"10.0.0.1:7", []string{"1.2.3.4, 203.0.113.9, 10.0.0.2"}, "203.0.113.9:7", ""},
		"two proxies, two lines":               {"10.0.0.1:7", []string{"1.2.3.4, 203.0.113.9", "10.0.0.2"}, "203.0.113.9:7", ""},
		"nobody but proxies":                   {"10.0.0.1:7", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:7", ""},
		"spaces":                               {"10.0.0.1:7", []string{" 1.2.3.4 ,\t203.0.113.9 "}, "203.0.113.9:7", ""},
		"a port":                               {"10.0.0.1:7", []string{"203.0.113.9:1234"}, "203.0.113.9:7", ""},
		"IPv6":                                 {"10.0.0.1:7", []string{"2001:db8::1"}, "[2001:db8::1]:7", ""},
		"IPv6 in brackets":                     {"10.0.0.1:7", []string{"[2001:db8::1]"}, "[2001:db8::1]:7", ""},
		"IPv6 with a port":                     {"10.0.0.1:7", []string{"[2001:db8::1]:1234"}, "[2001:db8::1]:7", ""},
		"IPv4 as IPv6":                         {"10.0.0.1:7", []string{"::ffff:203.0.113.9"}, "203.0.113.9:7", ""},
		"IPv4 as IPv6, in brackets":            {"10.0.0.1:7", []string{"[::ffff:203.0.113.9]:1"}, "203.0.113.9:7", ""},
		"a proxy's IPv4 as IPv6":               {"10.0.0.1:7", []string{"203.0.113.9, ::ffff:10.0.0.2"}, "203.0.113.9:7", ""},
		"a peer's IPv4 as IPv6":                {"[::ffff:10.0.0.1]:7", []string{"203.0.113.9"}, "203.0.113.9:7", ""},
		"a peer of IPv6":                       {"[fd00::1]:7", []string{"2001:db8::1"}, "[2001:db8::1]:7", ""},
		"a peer of a link":                     {"[fe80::1%eth0]:7", []string{"2001:db8::1"}, "[2001:db8::1]:7", ""},
		"an empty header":                      {"10.0.0.1:7", []string{""}, "10.0.0.1:7", Malformed},
		"an empty element":                     {"10.0.0.1:7", []string{"203.0.113.9,"}, "10.0.0.1:7", Malformed},
		"an empty element behind a proxy":      {"10.0.0.1:7", []string{"203.0.113.9,,10.0.0.2"}, "10.0.0.2:7", Malformed},
		"unknown":                              {"10.0.0.1:7", []string{"203.0.113.9, unknown"}, "10.0.0.1:7", Malformed},
		"a name":                               {"10.0.0.1:7", []string{"client.example"}, "10.0.0.1:7", Malformed},
		"a zone":                               {"10.0.0.1:7", []string{"fe80::1%any text"}, "10.0.0.1:7", Malformed},
		"a zone with a port":                   {"10.0.0.1:7", []string{"[fe80::1%any text]:80"}, "10.0.0.1:7", Malformed},
		"garbage that the client has sent":     {"10.0.0.1:7", []string{"<script>, 203.0.113.9"}, "203.0.113.9:7", ""},
		"a quoted address":                     {"10.0.0.1:7", []string{`"203.0.113.9"`}, "10.0.0.1:7", Malformed},
		"an address of too many parts":         {"10.0.0.1:7", []string{"203.0.113.9.1"}, "10.0.0.1:7", Malformed},
		"an address with zeros (octal or not)": {"10.0.0.1:7", []string{"010.0.0.1"}, "10.0.0.1:7", Malformed},
		"no IP connection":                     {"@", []string{"203.0.113.9"}, "@", ""},
	} {
		t.Run(name, func(t *testing.T) {
			v, problems := trusting("10.0.0.0/8", "fd00::/8", "fe80::/10")
			if got := resolve(v, test.remote, test.lines...); got != test.want {
				t.Errorf("the client is %s, want %s", got, test.want)
			}
			want := []Problem{test.problem}
			if test.problem == "" {
				want = nil
			}
			if !slices.Equal(*problems, want) {
				t.Errorf("problems %q, want %q", *problems, want)
			}
		})
	}
}

// Forwarded (RFC 7239) and the headers of single products are not read: most proxies pass on what a
// client has sent of those that they do not write.
func TestOtherHeadersAreIgnored(t *testing.T) {
	v, _ := trusting("10.0.0.0/8")
	for _, name := range []string{"Forwarded", "X-Real-Ip", "Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Client-Ip", "Realtime-Client-Address"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "10.0.0.1:7"
		r.Header.Set(name, "203.0.113.9")
		if name == "Forwarded" {
			r.Header.Set(name, "for=203.0.113.9")
		}
		if got := v.Request(r).RemoteAddr; got != "10.0.0.1:7" {
			t.Errorf("by %s the client is %s", name, got)
		}
	}
}

func TestNobodyIsTrustedWithoutProxies(t *testing.T) {
	v, problems := trusting()
	if got := resolve(v, "10.0.0.1:7", "203.0.113.9"); got != "10.0.0.1:7" || len(*problems) != 0 {
		t.Errorf("the client is %s, with problems %q", got, *problems)
	}
	v.Set(Trust{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	if got := resolve(v, "10.0.0.1:7", "203.0.113.9"); got != "203.0.113.9:7" {
		t.Errorf("then it is %s", got)
	}
	v.Set(Trust{})
	if got := resolve(v, "10.0.0.1:7", "203.0.113.9"); got != "10.0.0.1:7" {
		t.Errorf("at last it is %s", got)
	}
}

func TestTheRequestItselfIsNotChanged(t *testing.T) {
	v, _ := trusting("10.0.0.0/8")
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:7"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	if v.Request(r); r.RemoteAddr != "10.0.0.1:7" {
		t.Errorf("it is from %s", r.RemoteAddr)
	}
}

// A header of 16 KiB, which is all that a server takes, ends nowhere but at an address or a proxy.
func FuzzForwardedFor(f *testing.F) {
	f.Add("1.2.3.4, 203.0.113.9, 10.0.0.2")
	f.Add("[fe80::1%a]:80,,")
	f.Add(strings.Repeat("10.0.0.1,", 100))
	f.Fuzz(func(t *testing.T, header string) {
		v, _ := trusting("10.0.0.0/8")
		remote := resolve(v, "10.0.0.1:7", header)
		address, err := netip.ParseAddrPort(remote)
		if err != nil || address.Addr().Zone() != "" || address.Addr().Is4In6() || address.Port() != 7 {
			t.Fatalf("the client is %q", remote)
		}
		// What a proxy appends is believed, whatever a client has sent.
		if got := resolve(v, "10.0.0.1:7", header+", 203.0.113.9"); got != "203.0.113.9:7" {
			t.Fatalf("the client makes itself %q", got)
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	for name, ranges := range map[string][]string{"no proxies": nil, "one range": {"10.0.0.0/8"}} {
		b.Run(name, func(b *testing.B) {
			v, _ := trusting(ranges...)
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = "10.0.0.1:7"
			r.Header.Set("X-Forwarded-For", "1.2.3.4, 203.0.113.9")
			b.ReportAllocs()
			for b.Loop() {
				v.Request(r)
			}
		})
	}
}
