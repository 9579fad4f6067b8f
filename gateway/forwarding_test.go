// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/forward"
	"github.com/realtime-operator/realtime-operator/gateway/internal/httpserve"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// echo is a service that says to all what one says.
func echo(t testing.TB, protocol string) *v1alpha1.RealtimeService {
	t.Helper()
	svc, err := manifest.Load(t.Context(), fmt.Appendf(nil, `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: echo}
spec: {protocol: %s, namespaces: [{name: /, handlers: [{event: say, do: [{emit: {event: said, args: "args"}}]}]}]}`, protocol))
	if err != nil {
		t.Fatal(err)
	}
	// These tests poll by hand, and want no ping among the packets, however busy the machine is.
	svc.Spec.Protocol.PingInterval.Duration = time.Hour
	return svc
}

// member is one of several gateways that forward to each other.
type member struct {
	*Gateway
	url    string
	hangUp context.CancelFunc // ends its listener for peers
	hungUp chan struct{}
	guests atomic.Int64 // requests that peers have brought, and that are not answered yet
}

// group starts gateways that know each other. They end with the test, and nothing of them is left.
func group(t testing.TB, n int, protocol string) []*member {
	t.Helper()
	nats := natstest.Start(t, nil).ClientURL()
	identity, err := forward.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	var all []*member
	for range n {
		all = append(all, join(t, nats, identity, protocol))
	}
	return all
}

func join(t testing.TB, nats string, identity *forward.Identity, protocol string) *member {
	t.Helper()
	return joinBy(t, nats, identity, protocol, func(address string) string { return address })
}

// joinWith is join with a service of the test's own.
func joinWith(t testing.TB, nats string, identity *forward.Identity, svc *v1alpha1.RealtimeService) *member {
	t.Helper()
	return joinServing(t, nats, identity, svc, func(address string) string { return address })
}

// joinBy has peers reach the gateway by way of another address than its own.
func joinBy(t testing.TB, nats string, identity *forward.Identity, protocol string, way func(address string) string) *member {
	t.Helper()
	return joinServing(t, nats, identity, echo(t, protocol), way)
}

func joinServing(
	t testing.TB, nats string, identity *forward.Identity, svc *v1alpha1.RealtimeService, way func(address string) string,
) *member {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	g, err := New(svc, "1", Options{
		Name: t.Name(), NATSURLs: []string{nats}, Log: log,
		Peers: &PeerOptions{Address: way(l.Addr().String()), Identity: identity},
	})
	if err != nil {
		t.Fatal(err)
	}
	clients := httptest.NewServer(g.Handler())
	ctx, hangUp := context.WithCancel(context.Background())
	m := &member{Gateway: g, url: clients.URL, hangUp: hangUp, hungUp: make(chan struct{})}
	peers := g.PeerHandler()
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.guests.Add(1)
		defer m.guests.Add(-1)
		peers.ServeHTTP(w, r)
	})
	go func() {
		defer close(m.hungUp)
		if err := httpserve.Serve(ctx, tls.NewListener(l, identity.ServerConfig()), counted, httpserve.PeerHeaderLimit); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		clients.Close()
		hangUp()
		<-m.hungUp
	})
	return m
}

// result counts what a gateway did with requests for others' sessions.
func (m *member) result(t testing.TB, name string) float64 {
	t.Helper()
	return m.metric(t, "realtime_forwarded_requests_total", name)
}

func (m *member) metric(t testing.TB, name, result string) float64 {
	t.Helper()
	families, err := m.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			if f.GetName() == name && (result == "" || metric.GetLabel()[0].GetValue() == result) {
				return metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("there is no count %s of %s", name, result)
	return 0
}

// asker sends each request by a connection of its own, as a load balancer without affinity does.
var asker = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}

type reply struct {
	status int
	header http.Header
	body   string
}

func (m *member) request(ctx context.Context, method, sid string, body io.Reader, header http.Header) (reply, error) {
	url := m.url + enginePath + "?EIO=4&transport=polling"
	if sid != "" {
		url += "&sid=" + sid
	}
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return reply{}, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	resp, err := asker.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(data)}, err
}

func (m *member) ask(t testing.TB, method, sid, body string, header ...string) reply {
	t.Helper()
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	a, err := m.request(t.Context(), method, sid, strings.NewReader(body), h)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// open begins a session by polling, and returns its id.
func (m *member) open(t testing.TB) string {
	t.Helper()
	a := m.ask(t, "GET", "", "")
	if a.status != http.StatusOK {
		t.Fatalf("the handshake is answered %d %s", a.status, a.body)
	}
	return strings.Split(a.body, `"`)[3]
}

func (a reply) want(t testing.TB, status int, body string) {
	t.Helper()
	if a.status != status || !strings.HasPrefix(a.body, body) {
		t.Fatalf("answered %d %.200q, want %d %q", a.status, a.body, status, body)
	}
}

const unknownSession = `{"code":1,"message":"Session ID unknown"}`

func TestRow56ReadAndWriteFromOtherGateways(t *testing.T) {
	leakCheck(t)
	g := group(t, 3, "{}")
	sid := g[0].open(t)
	if len(sid) != 40 {
		t.Errorf("the session's id is %s", sid)
	}
	g[1].ask(t, "POST", sid, "40").want(t, 200, "ok")
	g[2].ask(t, "GET", sid, "").want(t, 200, `40{"sid":"`)
	for i := range 9 {
		g[i%3].ask(t, "POST", sid, fmt.Sprintf(`42["say",%d]`, i)).want(t, 200, "ok")
		g[(i+1)%3].ask(t, "GET", sid, "").want(t, 200, fmt.Sprintf(`42["said",%d]`, i))
	}
	if got := g[1].result(t, "forwarded"); got != 7 {
		t.Errorf("a gateway counts %v requests", got)
	}
	if got := g[0].result(t, "forwarded"); got != 0 {
		t.Errorf("the owner counts %v", got)
	}
}

func TestRow56APollThatWaitsElsewhereIsAnswered(t *testing.T) {
	leakCheck(t)
	g := group(t, 2, "{}")
	sid := g[0].open(t)
	g[0].ask(t, "POST", sid, "40").want(t, 200, "ok")
	g[0].ask(t, "GET", sid, "").want(t, 200, "40")
	answers := make(chan reply, 1)
	go func() {
		a, err := g[1].request(t.Context(), "GET", sid, nil, nil)
		if err != nil {
			t.Error(err)
		}
		answers <- a
	}()
	awaitForwarding(t, g[1], 1)
	g[0].ask(t, "POST", sid, `42["say",1]`).want(t, 200, "ok")
	(<-answers).want(t, 200, `42["said",1]`)
}

// awaitForwarding waits until a gateway has so many requests on their way.
func awaitForwarding(t testing.TB, m *member, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d requests are being forwarded", n), func() bool {
		return m.metric(t, "realtime_forwarded_open", "") == float64(n)
	})
}

var eventually = wiretest.Await

func TestRow56UpgradeAtAnotherGateway(t *testing.T) {
	leakCheck(t)
	g := group(t, 2, "{}")
	sid := g[0].open(t)
	g[1].ask(t, "POST", sid, "40").want(t, 200, "ok")
	g[0].ask(t, "GET", sid, "").want(t, 200, "40")
	c := wiretest.Upgrade(t, g[1].url, enginePath, sid)
	c.Send("2probe")
	c.Expect("3probe")
	c.Send("5", `42["say","early"]`)
	c.Expect(`42["said","early"]`)
	big := `42["say","` + strings.Repeat("x", 200_000) + `"]`
	c.Send(big)
	c.Expect(strings.Replace(big, "say", "said", 1))
	if n := g[0].io.Connections(); n != 1 {
		t.Errorf("the owner has %d sessions", n)
	}
	c.Close()
	eventually(t, "the session has ended at its owner", func() bool { return g[0].io.Connections() == 0 })
	awaitForwarding(t, g[1], 0)
}

// What a client sends right behind the request has been read together with it.
func TestRow56AnUpgradeWithBytesBehindIt(t *testing.T) {
	leakCheck(t)
	g := group(t, 2, "{}")
	sid := g[0].open(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(g[1].url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	frame := append([]byte{0x81, 0x80 | 6, 0, 0, 0, 0}, "2probe"...) // masked with zeros
	_, err = conn.Write(append(fmt.Appendf(nil, "GET %s?EIO=4&transport=websocket&sid=%s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", enginePath, sid), frame...))
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("answered %v, %v", resp, err)
	}
	got := make([]byte, 8)
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, append([]byte{0x81, 6}, "3probe"...)) {
		t.Fatalf("answered %q, %v", got, err)
	}
}

func TestRow56AnAbortedPollClosesTheSession(t *testing.T) {
	leakCheck(t)
	g := group(t, 2, "{}")
	sid := g[0].open(t)
	g[0].ask(t, "POST", sid, "40").want(t, 200, "ok")
	g[0].ask(t, "GET", sid, "").want(t, 200, "40")
	ctx, abort := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := g[1].request(ctx, "GET", sid, nil, nil)
		ended <- err
	}()
	awaitForwarding(t, g[1], 1)
	eventually(t, "the poll is at the owner", func() bool { return g[0].guests.Load() == 1 })
	abort()
	if err := <-ended; err == nil {
		t.Error("the poll was answered")
	}
	eventually(t, "the session has ended at its owner", func() bool { return g[0].io.Connections() == 0 })
	eventually(t, "it is counted", func() bool { return g[1].result(t, "aborted") == 1 })
	g[1].ask(t, "GET", sid, "").want(t, 400, unknownSession)
}

func TestRow56AnOwnerThatIsGone(t *testing.T) {
	leakCheck(t)
	g := group(t, 3, "{cors: {origins: ['https://a.example']}}")
	left, killed := g[0].open(t), g[1].open(t)
	g[2].ask(t, "POST", left, "40").want(t, 200, "ok")
	g[2].ask(t, "POST", killed, "40").want(t, 200, "ok")

	g[0].Close()
	eventually(t, "its end is known", func() bool { _, ok := g[2].cluster.PeerAddress(g[0].cluster.ID()); return !ok })
	a := g[2].ask(t, "GET", left, "", "Origin", "https://a.example")
	a.want(t, 400, unknownSession)
	if got := a.header.Get("Access-Control-Allow-Origin"); got != "https://a.example" {
		t.Errorf("a page cannot read the refusal: %q", got)
	}
	if got := g[2].result(t, "gone"); got != 1 {
		t.Errorf("%v are counted as gone", got)
	}

	// One that was killed says nothing, so that the others believe it is there.
	waiting := make(chan reply, 1)
	g[2].ask(t, "GET", killed, "").want(t, 200, "40")
	go func() {
		a, err := g[2].request(t.Context(), "GET", killed, nil, nil)
		if err != nil {
			t.Error(err)
		}
		waiting <- a
	}()
	awaitForwarding(t, g[2], 1)
	g[1].hangUp()
	(<-waiting).want(t, 400, unknownSession)
	g[2].ask(t, "GET", killed, "").want(t, 400, unknownSession)
	g[2].ask(t, "POST", killed, `42["say"]`).want(t, 400, unknownSession)
	if got := g[2].result(t, "unreachable"); got != 3 {
		t.Errorf("%v are counted as unreachable", got)
	}
	if resp, err := upgradeOf(g[2], killed); err == nil || resp == nil || resp.StatusCode != 400 {
		t.Errorf("the upgrade is answered %v, %v", resp, err)
	}
}

func upgradeOf(m *member, sid string) (*http.Response, error) {
	conn, resp, err := websocket.DefaultDialer.Dial(strings.Replace(m.url, "http", "ws", 1)+enginePath+"?EIO=4&transport=websocket&sid="+sid, nil)
	if err == nil {
		conn.Close()
	}
	return resp, err
}

func TestRow56ForgedIDsGoNowhere(t *testing.T) {
	leakCheck(t)
	g := group(t, 2, "{}")
	sid := g[0].open(t)
	other := map[byte]string{'A': "B"}[sid[39]]
	if other == "" {
		other = "A"
	}
	for _, forged := range []string{
		sid[:39] + other, sid[:24], sid + "A", g[1].cluster.ID() + sid[8:], "127.0.0.1:80", strings.Repeat("A", 40), "__proto__",
	} {
		g[1].ask(t, "GET", forged, "").want(t, 400, unknownSession)
		g[1].ask(t, "POST", forged, "40").want(t, 400, unknownSession)
	}
	if got := g[1].result(t, "forged"); got != 14 {
		t.Errorf("%v are counted as forged", got)
	}
	if got := g[1].result(t, "forwarded") + g[1].result(t, "unreachable") + g[1].result(t, "gone"); got != 0 {
		t.Errorf("%v were sent on", got)
	}
	g[1].ask(t, "POST", sid, "40").want(t, 200, "ok")
}

// What a client sees of another gateway is what it sees of the session's own.
func TestRow56AnswersAreTheOwners(t *testing.T) {
	leakCheck(t)
	g := group(t, 2, `{cors: {origins: ["https://*.example.com"], credentials: true, exposedHeaders: [x-all]}, headers: {x-all: a},
		cookie: {name: io}, maxPayload: 3k, compression: {polling: {enabled: true, thresholdBytes: 100}}}`)
	for name, at := range map[string]*member{"the owner": g[0], "another": g[1]} {
		sid := g[0].open(t)
		page := []string{"Origin", "https://chat.example.com", "Accept-Encoding", "gzip", "Cookie", "a=b", "Connection", "close"}
		connect := at.ask(t, "POST", sid, "40", page...)
		connect.want(t, 200, "ok")
		at.ask(t, "POST", sid, `42["say","`+strings.Repeat("x", 200)+`"]`, page...).want(t, 200, "ok")
		poll := at.ask(t, "GET", sid, "", page...)
		for _, a := range []reply{connect, poll} {
			for key, want := range map[string]string{
				"Access-Control-Allow-Origin": "https://chat.example.com", "Access-Control-Allow-Credentials": "true",
				"Access-Control-Expose-Headers": "x-all", "X-All": "a", "Vary": "Origin", "Cache-Control": "no-store",
			} {
				if got := a.header.Values(key); len(got) == 0 || got[0] != want || len(got) > 1 && key != "Vary" {
					t.Errorf("%s: %s is %q", name, key, got)
				}
			}
			if a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s sets a cookie anew", name)
			}
		}
		if poll.status != 200 || poll.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s answers %d %v", name, poll.status, poll.header)
		}
		// Before it answers on a connection that stays, net/http swallows so much of a body that
		// nobody reads; elsewhere the client may see the connection reset.
		r, err := http.NewRequestWithContext(t.Context(), "POST", at.url+enginePath+"?EIO=4&transport=polling&sid="+sid, strings.NewReader(strings.Repeat("x", 100_000)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", "https://chat.example.com")
		large, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		large.Body.Close()
		if large.StatusCode != 413 || large.ContentLength != 0 || large.Header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%s answers a large body with %d %v", name, large.StatusCode, large.Header)
		}
		at.ask(t, "POST", sid, `42["say",1]`, page...).want(t, 200, "ok") // it lives
		preflight := at.ask(t, "OPTIONS", sid, "", append(page, "Access-Control-Request-Method", "POST")...)
		if got := preflight.header.Values("Access-Control-Allow-Methods"); preflight.status != 204 || len(got) != 1 {
			t.Errorf("%s answers a preflight with %d %v", name, preflight.status, preflight.header)
		}
		at.ask(t, "DELETE", sid, "").want(t, 400, `{"code":3`)
		at.ask(t, "POST", sid, "no packet").want(t, 400, `{"code":3`)
	}
}

// endless is a body that counts what is read of it.
type endless struct {
	mu   sync.Mutex
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}

func TestRow56ChunkedBodies(t *testing.T) {
	leakCheck(t)
	g := group(t, 2, "{maxPayload: 100k}")
	sid := g[0].open(t)
	a, err := g[1].request(t.Context(), "POST", sid, io.MultiReader(strings.NewReader("4"), strings.NewReader("0")), nil)
	if err != nil {
		t.Fatal(err)
	}
	a.want(t, 200, "ok")
	g[1].ask(t, "GET", sid, "").want(t, 200, "40")

	body := &endless{}
	a, err = g[1].request(t.Context(), "POST", sid, body, nil)
	if err != nil || a.status != 413 {
		t.Errorf("an endless body is answered %d, %v", a.status, err)
	}
	body.mu.Lock()
	if body.read > 16<<20 {
		t.Errorf("%d bytes of it were read", body.read)
	}
	body.mu.Unlock()
	g[1].ask(t, "POST", sid, `42["say",1]`).want(t, 200, "ok")
}

func TestRow56AGatewayThatLeavesServesItsSessionsThroughOthers(t *testing.T) {
	leakCheck(t)
	g := group(t, 2, "{}")
	sid := g[0].open(t)
	g[0].ask(t, "POST", sid, "40").want(t, 200, "ok")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	drained := make(chan error, 1)
	g[0].io.Refuse() // at once, or the next handshake may open one more session
	go func() { drained <- g[0].Drain(ctx, engineio.Pace{Within: 200 * time.Millisecond}) }()
	g[0].ask(t, "GET", "", "").want(t, 503, `{"code":4,"message":"Server is shutting down"}`)
	g[1].ask(t, "GET", sid, "").want(t, 200, "40") // what was sent before
	g[1].ask(t, "GET", sid, "").want(t, 503, "")   // and then the farewell
	if err := <-drained; err != nil {
		t.Error(err)
	}
	g[1].ask(t, "GET", sid, "").want(t, 400, unknownSession)
}

// Who only came through a gateway that leaves keeps the session.
func TestRow56AGatewayThatLeavesReleasesOthersPolls(t *testing.T) {
	leakCheck(t)
	g := group(t, 3, "{}")
	sid, upgraded := g[0].open(t), g[0].open(t)
	c := wiretest.Upgrade(t, g[1].url, enginePath, upgraded)
	c.Send("2probe")
	c.Expect("3probe")
	c.Send("5")
	answers := make(chan reply, 1)
	go func() {
		a, err := g[1].request(t.Context(), "GET", sid, nil, nil)
		if err != nil {
			t.Error(err)
		}
		answers <- a
	}()
	awaitForwarding(t, g[1], 2)
	if err := g[1].Drain(t.Context(), engineio.Pace{Within: 20 * time.Millisecond}); err != nil {
		t.Error(err)
	}
	(<-answers).want(t, 200, "6")
	c.ExpectClosed()
	// A client cannot do that to itself.
	g[1].ask(t, "POST", sid, "40", "Realtime-Release", "1").want(t, 200, "ok")
	resp, err := http.Get(g[1].url + enginePath + "?EIO=4&transport=polling&sid=" + sid)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.HasPrefix(string(body), "40") || !resp.Close {
		t.Errorf("answered %s, %v; the connection closes: %v", body, err, resp.Close)
	}
	g[2].ask(t, "POST", sid, `42["say",1]`).want(t, 200, "ok")
	g[2].ask(t, "GET", sid, "").want(t, 200, `42["said",1]`)
}

// A gateway that has just come is found by others before they have heard of it, and finds them.
func TestRow56AGatewayThatHasJustCome(t *testing.T) {
	leakCheck(t)
	nats := natstest.Start(t, nil).ClientURL()
	identity, err := forward.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	old := join(t, nats, identity, "{}")
	sid := old.open(t)
	for range 5 {
		young := join(t, nats, identity, "{}")
		young.ask(t, "POST", sid, `42["say"]`).want(t, 200, "ok")
		sid = young.open(t)
		old.ask(t, "POST", sid, `40`).want(t, 200, "ok")
		old.ask(t, "GET", sid, "").want(t, 200, "40")
		sid = old.open(t)
		old.ask(t, "POST", sid, `40`).want(t, 200, "ok")
	}
}
