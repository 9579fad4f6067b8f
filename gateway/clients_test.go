// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pires/go-proxyproto"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/forward"
	"github.com/realtime-operator/realtime-operator/gateway/internal/certtest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// addressed is a service that tells clients their addresses, with other settings in the spec.
func addressed(t *testing.T, spec string) *v1alpha1.RealtimeService {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte(strings.TrimSpace(`
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: addressed}
spec:
  namespaces:
  - {name: /, handlers: [{event: who, do: [{ack: "[socket.handshake.address]"}]}]}
  - {name: /private, authentication: [users]}
  authentication: [{name: users, tokens: {secretRef: {name: users}}}]
`)+"\n"+spec))
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

// addressedPod runs such a service as in a pod.
func addressedPod(t *testing.T, spec string, edit ...func(*RunOptions)) *pod {
	t.Helper()
	p := startWith(t, natstest.Start(t, nil).ClientURL(), 0, render(t, addressed(t, spec)), edit...)
	await(t, p.ops+"/readyz", ready)
	return p
}

func (p *pod) reconfigure(t *testing.T, svc *v1alpha1.RealtimeService) {
	t.Helper()
	if err := os.WriteFile(p.config, render(t, svc), 0o600); err != nil {
		t.Fatal(err)
	}
}

// forwardedFor is the header of a proxy.
func forwardedFor(list string) http.Header { return http.Header{"X-Forwarded-For": {list}} }

// who returns the address that a client by websocket has.
func who(t *testing.T, url string, header http.Header) string {
	t.Helper()
	c := wiretest.Dial(t, url, enginePath, "", header)
	defer c.Close()
	c.Join("/")
	c.Send(`420["who"]`)
	return strings.TrimSuffix(strings.TrimPrefix(c.Receive(), `430["`), `"]`)
}

// polled returns the address that a client by polling has, whose requests are sent by turns.
func polled(t *testing.T, header http.Header, urls ...string) string {
	t.Helper()
	query := "?EIO=4&transport=polling"
	turn := 0
	ask := func(method, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, urls[turn%len(urls)]+enginePath+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		turn++
		r.Header = header.Clone()
		resp, err := asker.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s is answered %d %s, %v", method, resp.StatusCode, data, err)
		}
		return string(data)
	}
	query += "&sid=" + strings.Split(ask("GET", ""), `"`)[3]
	ask("POST", "40")
	ask("GET", "")
	ask("POST", `420["who"]`)
	return strings.TrimSuffix(strings.TrimPrefix(ask("GET", ""), `430["`), `"]`)
}

func TestClientsBehindAProxy(t *testing.T) {
	leakCheck(t)
	p := addressedPod(t, `  protocol:
    trustedProxies: [127.0.0.1/32, 10.0.0.0/8]
    admission: [{expression: "request.address != '203.0.113.66'", message: blocked}]`)
	for header, want := range map[string]string{
		"203.0.113.9":                      "203.0.113.9",
		"1.2.3.4, 203.0.113.9":             "203.0.113.9",
		"203.0.113.66, 203.0.113.9":        "203.0.113.9",
		"1.2.3.4, 2001:db8::9, 10.7.7.7":   "2001:db8::9",
		"1.2.3.4, unknown":                 "127.0.0.1",
		"::ffff:203.0.113.9":               "203.0.113.9",
		"127.0.0.1, 203.0.113.9, 10.7.7.7": "203.0.113.9",
	} {
		if got := who(t, p.clients, forwardedFor(header)); got != want {
			t.Errorf("%s by websocket is %s, want %s", header, got, want)
		}
		if got := polled(t, forwardedFor(header), p.clients); got != want {
			t.Errorf("%s by polling is %s, want %s", header, got, want)
		}
	}
	// Rules see the same address.
	for header, want := range map[string]int{"203.0.113.66": 403, "203.0.113.66, 203.0.113.9": 200, "203.0.113.9, 203.0.113.66": 403} {
		if status := handshake(t, p.clients, forwardedFor(header)); status != want {
			t.Errorf("%s is answered %d, want %d", header, status, want)
		}
	}
	_, metrics := get(t, p.ops+"/metrics")
	for _, metric := range []string{`problem="malformed"} 6`, `problem="missing"} 0`, `problem="untrusted"} 0`, `problem="proxy_protocol"} 0`} {
		if !strings.Contains(metrics, "\nrealtime_client_address_problems_total{"+metric) {
			t.Errorf("there is no %s", metric)
		}
	}
}

// handshake returns the status of one by polling.
func handshake(t *testing.T, url string, header http.Header) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url+enginePath+"?EIO=4&transport=polling", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header.Clone()
	resp, err := asker.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "5" {
		t.Errorf("Retry-After is %q", resp.Header.Get("Retry-After"))
	}
	return resp.StatusCode
}

// A real proxy, which appends its client's address to what that has sent.
func TestClientsBehindAReverseProxy(t *testing.T) {
	leakCheck(t)
	p := addressedPod(t, "  protocol: {trustedProxies: [127.0.0.1/32]}")
	target, err := url.Parse(p.clients)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Transport: asker.Transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
		r.SetXForwarded()
	}}
	// Its client is at another address of the loopback.
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = "127.0.0.2:1234"
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	for _, header := range []http.Header{nil, forwardedFor("127.0.0.1"), forwardedFor("1.2.3.4"), forwardedFor("nobody, 127.0.0.1")} {
		if got := who(t, front.URL, header); got != "127.0.0.2" {
			t.Errorf("with %v by websocket: %s", header, got)
		}
		if got := polled(t, header, front.URL); got != "127.0.0.2" {
			t.Errorf("with %v by polling: %s", header, got)
		}
	}
}

func TestStrangersAreNotBelieved(t *testing.T) {
	leakCheck(t)
	p := addressedPod(t, "  protocol: {trustedProxies: [10.0.0.0/8]}")
	header := forwardedFor("203.0.113.9")
	header.Set("Realtime-Client-Address", "203.0.113.9:1")
	if got := who(t, p.clients, header); got != "127.0.0.1" {
		t.Errorf("by websocket: %s", got)
	}
	if got := polled(t, header, p.clients); got != "127.0.0.1" {
		t.Errorf("by polling: %s", got)
	}
	if _, metrics := get(t, p.ops+"/metrics"); !strings.Contains(metrics, `realtime_client_address_problems_total{problem="untrusted"} 6`) {
		t.Error("nobody is told")
	}
}

// addressedGroup runs gateways of such a service that forward to each other.
func addressedGroup(t *testing.T, n int, spec string) []*member {
	t.Helper()
	nats := natstest.Start(t, nil).ClientURL()
	identity, err := forward.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	var all []*member
	for range n {
		all = append(all, joinWith(t, nats, identity, addressed(t, spec)))
	}
	return all
}

// A session has the address of its first request and counts where it is, whoever forwards its
// others.
func TestForwardedRequestsCountOnce(t *testing.T) {
	leakCheck(t)
	g := addressedGroup(t, 2, "  protocol: {trustedProxies: [127.0.0.1/32]}\n  limits: {perAddress: {connections: 1}}")
	header := forwardedFor("203.0.113.9")
	header.Set("Realtime-Client-Address", "6.6.6.6:1") // a client's own
	if got := polled(t, header, g[0].url, g[1].url); got != "203.0.113.9" {
		t.Errorf("it is %s", got)
	}
	if got := g[1].result(t, "forwarded"); got == 0 {
		t.Error("nothing was forwarded")
	}
	for i, want := range []int{429, 200, 429} {
		if got := handshake(t, g[i%2].url, header); got != want {
			t.Errorf("handshake %d is answered %d, want %d", i, got, want)
		}
	}
	if got := g[0].metric(t, "realtime_handshakes_refused_total", "address"); got != 2 {
		t.Errorf("%v are refused", got)
	}
}

// The limit counts sessions of all transports, and an upgrade is none.
func TestAllTransportsCount(t *testing.T) {
	leakCheck(t)
	dir, pair := t.TempDir(), certtest.New(t, "addressed")
	certtest.Mount(t, dir, pair)
	p := addressedPod(t, "  protocol: {trustedProxies: [127.0.0.1/32], webTransport: {tlsSecretRef: {name: tls}}}\n  limits: {perAddress: {connections: 3}}",
		func(o *RunOptions) { o.WebTransportListen, o.WebTransportCertificateDir = "127.0.0.1:0", dir })
	ada := wiretest.DialWebTransport(t, p.udp, enginePath, certtest.Trusting(t, pair))
	ada.Open()
	ada.Send(`420["who"]`)
	ada.Expect(`430["127.0.0.1"]`)

	_, body := get(t, p.clients+enginePath+"?EIO=4&transport=polling")
	upgraded := wiretest.Upgrade(t, p.clients, enginePath, strings.Split(body, `"`)[3])
	upgraded.Send("2probe")
	upgraded.Expect("3probe")
	upgraded.Send("5")
	wiretest.Connect(t, p.clients, enginePath, "/")
	if got := handshake(t, p.clients, nil); got != 429 {
		t.Errorf("the fourth is answered %d", got)
	}
	if got := handshake(t, p.clients, forwardedFor("203.0.113.9")); got != 200 {
		t.Errorf("one of another address is answered %d", got)
	}
	upgraded.Send("1")
	eventually(t, "there is room again", func() bool { return handshake(t, p.clients, nil) == 200 })
}

// A client by UDP is where its packets come from, even if that is a proxy's address: there are no
// proxies for UDP that add a header.
func TestWebTransportHasThePeersAddress(t *testing.T) {
	leakCheck(t)
	dir, pair := t.TempDir(), certtest.New(t, "addressed")
	certtest.Mount(t, dir, pair)
	p := addressedPod(t, "  protocol: {trustedProxies: [127.0.0.1/32], webTransport: {tlsSecretRef: {name: tls}}}",
		func(o *RunOptions) { o.WebTransportListen, o.WebTransportCertificateDir = "127.0.0.1:0", dir })
	ada := wiretest.DialWebTransportWith(t, p.udp, enginePath, certtest.Trusting(t, pair), forwardedFor("203.0.113.9"))
	ada.Open()
	ada.Send(`420["who"]`)
	ada.Expect(`430["127.0.0.1"]`)
}

func TestTrustAndLimitsAreReloaded(t *testing.T) {
	leakCheck(t)
	p := addressedPod(t, "")
	stays := wiretest.Dial(t, p.clients, enginePath, "", forwardedFor("203.0.113.9"))
	stays.Join("/")
	if got := who(t, p.clients, forwardedFor("203.0.113.9")); got != "127.0.0.1" {
		t.Errorf("at first it is %s", got)
	}
	p.reconfigure(t, addressed(t, "  protocol: {trustedProxies: [127.0.0.1/32]}"))
	eventually(t, "the proxy is trusted", func() bool { return who(t, p.clients, forwardedFor("203.0.113.9")) == "203.0.113.9" })
	// A limit holds for connections that were there before, at the addresses that they had.
	p.reconfigure(t, addressed(t, "  protocol: {trustedProxies: [127.0.0.1/32]}\n  limits: {perAddress: {connections: 1}}"))
	eventually(t, "there is a limit", func() bool { return handshake(t, p.clients, forwardedFor("127.0.0.1")) == 429 })
	if got := handshake(t, p.clients, forwardedFor("198.51.100.1")); got != 200 {
		t.Errorf("another address is answered %d", got)
	}
	p.reconfigure(t, addressed(t, "  protocol: {}"))
	eventually(t, "there is no limit any more", func() bool { return handshake(t, p.clients, forwardedFor("127.0.0.1")) == 200 })
	eventually(t, "it is trusted no more", func() bool { return who(t, p.clients, forwardedFor("203.0.113.9")) == "127.0.0.1" })
	stays.Send(`420["who"]`)
	stays.Expect(`430["127.0.0.1"]`)
}

// startRelay is a load balancer that does not know HTTP: it begins each connection with a header,
// and returns its URL.
func startRelay(t *testing.T, to string, header *proxyproto.Header) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	relay := func(client net.Conn) {
		defer client.Close()
		server, err := net.Dial("tcp", strings.TrimPrefix(to, "http://"))
		if err != nil {
			t.Error(err)
			return
		}
		defer server.Close()
		defer context.AfterFunc(ctx, func() { client.Close() })()
		if _, err := header.WriteTo(server); err != nil {
			t.Error(err)
			return
		}
		running.Go(func() {
			io.Copy(server, client)
			server.(*net.TCPConn).CloseWrite()
		})
		io.Copy(client, server)
	}
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { relay(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		stop()
		running.Wait()
	})
	return "http://" + l.Addr().String()
}

func TestClientsBehindTheProxyProtocol(t *testing.T) {
	leakCheck(t)
	p := addressedPod(t, "  protocol: {trustedProxies: [127.0.0.1/32], proxyProtocol: true}")
	for _, version := range []byte{1, 2} {
		for _, address := range []string{"203.0.113.9", "2001:db8::9"} {
			client := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(net.JoinHostPort(address, "1234")))
			front := startRelay(t, p.clients, proxyproto.HeaderProxyFromAddrs(version, client, client))
			for name, header := range map[string]http.Header{"alone": nil, "with a header": forwardedFor("1.2.3.4")} {
				if got := who(t, front, header); got != address {
					t.Errorf("version %d, websocket, %s: %s, want %s", version, name, got, address)
				}
				if got := polled(t, header, front); got != address {
					t.Errorf("version %d, polling, %s: %s, want %s", version, name, got, address)
				}
			}
		}
	}
	// Without a header nobody is served by that way.
	if status := rawHandshake(t, p.clients, ""); status == 200 {
		t.Error("a trusted proxy without a header is served")
	}
	if status := rawHandshake(t, p.clients, "PROXY TCP4 203.0.113.9 192.0.2.1 1234 443\r\n"); status != 200 {
		t.Errorf("with one: %d", status)
	}
	if _, metrics := get(t, p.ops+"/metrics"); !strings.Contains(metrics, `realtime_client_address_problems_total{problem="proxy_protocol"} 1`) {
		t.Error("nobody is told")
	}
	// New connections follow the configuration, and those that are open stay.
	client := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("203.0.113.7:1"))
	stays, _ := wiretest.Connect(t, startRelay(t, p.clients, proxyproto.HeaderProxyFromAddrs(2, client, client)), enginePath, "/")
	p.reconfigure(t, addressed(t, "  protocol: {trustedProxies: [127.0.0.1/32], proxyProtocol: true}\n  limits: {perAddress: {connections: 1}}"))
	eventually(t, "there is a limit", func() bool { return rawHandshake(t, p.clients, "PROXY TCP4 203.0.113.7 192.0.2.1 1234 443\r\n") == 429 })
	p.reconfigure(t, addressed(t, "  protocol: {trustedProxies: [127.0.0.1/32]}"))
	eventually(t, "it is off", func() bool { return rawHandshake(t, p.clients, "") == 200 })
	if status := rawHandshake(t, p.clients, "PROXY TCP4 203.0.113.9 192.0.2.1 1234 443\r\n"); status == 200 {
		t.Error("a client names itself by a header")
	}
	stays.Send(`420["who"]`)
	stays.Expect(`430["203.0.113.7"]`)
}

// rawHandshake returns the status of a handshake behind what begins the connection, 0 for no
// answer.
func rawHandshake(t *testing.T, url, begin string) int {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%sGET %s?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n", begin, enginePath)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}
