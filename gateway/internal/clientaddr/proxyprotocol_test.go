// SPDX-License-Identifier: Apache-2.0

package clientaddr

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/pires/go-proxyproto"
)

// served is a server that answers with the address of who asks.
type served struct {
	*Resolver
	address string

	mu       sync.Mutex
	problems []Problem // guarded by mu
}

func (s *served) told() []Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problems
}

func serve(t *testing.T, trust Trust) *served {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{Resolver: &Resolver{}, address: l.Addr().String()}
	s.OnProblem = func(p Problem) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.problems = append(s.problems, p)
	}
	s.Set(trust)
	server := &http.Server{ConnContext: ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(s.Request(r).RemoteAddr)
		io.WriteString(w, host)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(s.Listener(l))
	}()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	return s
}

// refused is the answer to a connection that begins with something else than it must. It may be
// lost, since what was sent behind that is not read.
const refused = "400 Bad Request"

// ask returns the answer to a request behind what begins the connection.
func (s *served) ask(t *testing.T, begin []byte, header string) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if header != "" {
		header = "X-Forwarded-For: " + header + "\r\n"
	}
	request := fmt.Appendf(bytes.Clone(begin), "GET / HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n", header)
	if _, err := conn.Write(request); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return refused
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return answer.Status
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// v2 is a header of version 2.
func v2(command, family byte, addresses string) []byte {
	b := append([]byte(signature), 0x20|command, family)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(addresses))), addresses...)
}

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

const (
	addresses4 = "\xcb\x00\x71\x09\xc0\x00\x02\x01\x04\xd2\x01\xbb" // 203.0.113.9:1234 to 192.0.2.1:443
	addresses6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x04\xd2\x01\xbb"
)

func TestProxyProtocol(t *testing.T) {
	s := serve(t, Trust{Proxies: append(loopback(), netip.MustParsePrefix("192.0.2.0/24")), ProxyProtocol: true})
	for name, test := range map[string]struct {
		begin  []byte
		header string
		want   string
	}{
		"version 1":                        {[]byte("PROXY TCP4 203.0.113.9 192.0.2.1 1234 443\r\n"), "", "203.0.113.9"},
		"version 1, IPv6":                  {[]byte("PROXY TCP6 2001:db8::9 2001:db8::1 1234 443\r\n"), "", "2001:db8::9"},
		"version 2":                        {v2(1, 0x11, addresses4), "", "203.0.113.9"},
		"version 2, IPv6":                  {v2(1, 0x21, addresses6), "", "2001:db8::9"},
		"version 2, with more behind":      {v2(1, 0x11, addresses4+"\x04\x00\x02ab"), "", "203.0.113.9"},
		"IPv4 as IPv6":                     {[]byte("PROXY TCP6 ::ffff:203.0.113.9 ::ffff:192.0.2.1 1234 443\r\n"), "", "203.0.113.9"},
		"a header of the client's own":     {v2(1, 0x11, addresses4), "1.2.3.4", "203.0.113.9"},
		"behind another proxy":             {[]byte("PROXY TCP4 192.0.2.7 192.0.2.1 1234 443\r\n"), "1.2.3.4, 203.0.113.8", "203.0.113.8"},
		"the proxy itself":                 {v2(0, 0x00, ""), "", "127.0.0.1"},
		"the proxy itself, with addresses": {v2(0, 0x11, addresses4), "", "127.0.0.1"},
		"nobody knows who":                 {[]byte("PROXY UNKNOWN\r\n"), "", "127.0.0.1"},
		"nobody knows who, and a header":   {[]byte("PROXY UNKNOWN\r\n"), "1.2.3.4", "127.0.0.1"},
		"a client of a socket":             {v2(1, 0x31, strings.Repeat("a", 216)), "1.2.3.4", "127.0.0.1"},
		"a client by UDP":                  {v2(1, 0x12, addresses4), "", "127.0.0.1"},
		"no header":                        {nil, "", refused},
		"no header, but the other":         {nil, "1.2.3.4", refused},
		"an address that is none":          {[]byte("PROXY TCP4 203.0.113 192.0.2.1 1234 443\r\n"), "", refused},
		"an address with a zone":           {[]byte("PROXY TCP6 fe80::1%a 2001:db8::1 1234 443\r\n"), "", refused},
		"version 1 without an end":         {[]byte("PROXY " + strings.Repeat("a", 200)), "", refused},
		"version 1 with another end":       {[]byte("PROXY TCP4 203.0.113.9 192.0.2.1 1234 443\n"), "", refused},
		"version 2 that is too long":       {v2(1, 0x11, addresses4+strings.Repeat("\x04\x00\x00", 2000)), "", refused},
		"version 2 that is too short":      {v2(1, 0x11, addresses4[:11]), "", refused},
		"version 3":                        {append([]byte(signature), 0x31, 0x11, 0, 0), "", refused},
		"only once":                        {bytes.Repeat(v2(1, 0x11, addresses4), 2), "", refused},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(s.told())
			if got := s.ask(t, test.begin, test.header); got != test.want {
				t.Errorf("the client is %s, want %s", got, test.want)
			}
			if told, want := len(s.told()) > before, test.want == refused && name != "only once"; told != want {
				t.Errorf("told: %t, want %t", told, want)
			}
		})
	}
}

// A stranger is served as it comes, and cannot name itself.
func TestProxyProtocolOfStrangers(t *testing.T) {
	s := serve(t, Trust{Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, ProxyProtocol: true})
	if got := s.ask(t, nil, ""); got != "127.0.0.1" {
		t.Errorf("it is %s", got)
	}
	for _, begin := range [][]byte{[]byte("PROXY TCP4 203.0.113.9 192.0.2.1 1234 443\r\n"), v2(1, 0x11, addresses4)} {
		if got := s.ask(t, begin, ""); got != refused {
			t.Errorf("with a header: %s", got)
		}
	}
}

// A listener cannot guess, so that no header is read unless it is said to be there: behind a proxy
// that sends none, it would be the client's.
func TestProxyProtocolIsOffUnlessItIsOn(t *testing.T) {
	s := serve(t, Trust{Proxies: loopback()})
	header := []byte("PROXY TCP4 203.0.113.9 192.0.2.1 1234 443\r\n")
	if got := s.ask(t, header, ""); got != refused {
		t.Errorf("off: %s", got)
	}
	s.Set(Trust{Proxies: loopback(), ProxyProtocol: true}) // for new connections
	if got := s.ask(t, header, ""); got != "203.0.113.9" {
		t.Errorf("on: %s", got)
	}
	s.Set(Trust{ProxyProtocol: true}) // nobody is trusted
	if got := s.ask(t, header, ""); got != refused {
		t.Errorf("on, but for nobody: %s", got)
	}
}

// A connection that says nothing keeps none of the others waiting.
func TestASilentProxyKeepsNobodyWaiting(t *testing.T) {
	s := serve(t, Trust{Proxies: loopback(), ProxyProtocol: true})
	silent, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if got := s.ask(t, v2(1, 0x11, addresses4), ""); got != "203.0.113.9" {
		t.Errorf("the next one is %s", got)
	}
}

// Nothing behind the header is read with it, in however many pieces it comes.
func TestWhatFollowsTheHeaderIsLeftAlone(t *testing.T) {
	for name, header := range map[string][]byte{
		"version 1": []byte("PROXY TCP4 203.0.113.9 192.0.2.1 1234 443\r\n"), "version 2": v2(1, 0x11, addresses4),
	} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			go func() {
				for i := range header {
					near.Write(header[i : i+1])
				}
				near.Write([]byte("GET"))
			}()
			c := &Conn{Conn: far, tell: func(p Problem) { t.Error(p) }}
			if got := c.RemoteAddr().String(); got != "203.0.113.9:1234" {
				t.Errorf("the client is %s", got)
			}
			var rest [3]byte
			if _, err := io.ReadFull(c.Plain(), rest[:]); err != nil || string(rest[:]) != "GET" {
				t.Errorf("behind it is %q, %v", rest, err)
			}
		})
	}
}

// The length of a header is judged before anything is made for it.
func TestALongHeaderIsNotWaitedFor(t *testing.T) {
	for _, test := range []struct {
		length uint16
		want   error
	}{{maxV2, io.EOF}, {maxV2 + 1, proxyproto.ErrInvalidLength}} {
		begin := binary.BigEndian.AppendUint16(append([]byte(signature), 0x21, 0x11), test.length)
		if _, err := cutHeader(bytes.NewReader(begin)); !errors.Is(err, test.want) {
			t.Errorf("%d bytes: %v, want %v", test.length, err, test.want)
		}
	}
}

// What the library writes is read, of all kinds.
func TestHeadersOfTheLibrary(t *testing.T) {
	s := serve(t, Trust{Proxies: loopback(), ProxyProtocol: true})
	for _, version := range []byte{1, 2} {
		for _, client := range []string{"203.0.113.9", "2001:db8::9"} {
			header := proxyproto.HeaderProxyFromAddrs(version, &net.TCPAddr{IP: net.ParseIP(client), Port: 1}, &net.TCPAddr{IP: net.ParseIP(client), Port: 2})
			begin, err := header.Format()
			if err != nil {
				t.Fatal(err)
			}
			if got := s.ask(t, begin, ""); got != client {
				t.Errorf("version %d: %s, want %s", version, got, client)
			}
		}
	}
}

func TestConnContextOfOthers(t *testing.T) {
	conn, other := net.Pipe()
	defer conn.Close()
	defer other.Close()
	if ctx := context.Background(); ConnContext(ctx, conn) != ctx {
		t.Error("a connection without a header has a context of its own")
	}
}
