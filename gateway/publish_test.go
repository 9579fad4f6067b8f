// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/publish"
)

// publishing is a service of two gateways for programs that publish.
type publishing struct {
	clients, apis [2]string
	gateways      [2]*Gateway
	nats          *nats.Conn
}

func published(t *testing.T) *v1alpha1.RealtimeService {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte(`
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: news, namespace: talk}
spec:
  api: {tokenSecretRef: {name: tokens}}
  protocol: {maxPayload: 1k}
  namespaces:
  - {name: /, handlers: [{event: enter, do: [{join: "args[0]"}, {ack: "[]"}]}]}
  dynamicNamespaces: [{pattern: "/orders/[0-9]+"}]
`))
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

func startPublishing(t *testing.T) *publishing {
	t.Helper()
	return startPublishingOver(t, nil)
}

func startPublishingOver(t *testing.T, o *server.Options) *publishing {
	t.Helper()
	leakCheck(t)
	server := natstest.Start(t, o)
	p := &publishing{}
	for i := range p.gateways {
		g, err := New(published(t), "1", Options{Name: fmt.Sprint(i), NATSURLs: []string{server.ClientURL()}})
		if err != nil {
			t.Fatal(err)
		}
		g.SetAPITokens([]byte("secret\n"))
		clients, api, ops := httptest.NewServer(g.Handler()), httptest.NewServer(g.API()), httptest.NewServer(g.Ops())
		t.Cleanup(func() {
			g.Close()
			http.DefaultClient.CloseIdleConnections()
			clients.Close()
			api.Close()
			ops.Close()
		})
		await(t, ops.URL+"/readyz", ready)
		p.gateways[i], p.clients[i], p.apis[i] = g, clients.URL, api.URL
	}
	nc := natstest.Connect(t, server.ClientURL())
	p.nats = nc
	return p
}

// post publishes at a gateway, and returns the answer as status and body.
func post(t *testing.T, api, path, token, document string) string {
	t.Helper()
	r, err := http.NewRequest("POST", api+path, strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("answer %s %v: %v", body, resp.Header, err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, body)
}

const (
	emitPath     = "/v1/namespaces/%2F/emit"
	published200 = "200 {\"ok\":true}\n"
)

func (p *publishing) emit(t *testing.T, gateway int, document string) {
	t.Helper()
	if got := post(t, p.apis[gateway], emitPath, "secret", document); got != published200 {
		t.Fatalf("%s is answered %s", document, got)
	}
}

func (p *publishing) enter(t *testing.T, gateway int, room string) (*wiretest.Client, string) {
	t.Helper()
	c, id := wiretest.Connect(t, p.clients[gateway], enginePath, "/")
	c.Send(`421["enter","` + room + `"]`)
	c.Expect("431[]")
	return c, id
}

func TestPublishOverHTTP(t *testing.T) {
	p := startPublishing(t)
	ada, adaID := p.enter(t, 0, "a")
	bob, bobID := p.enter(t, 1, "b")

	p.emit(t, 0, `{"event":"all","args":[{"b":1.0,"a":12345678901234567890}]}`)
	p.emit(t, 0, `{"event":"nobody","rooms":[]}`)
	p.emit(t, 0, `{"event":"room","rooms":["b"]}`)
	p.emit(t, 0, `{"event":"socket","sockets":["`+adaID+`"]}`)
	p.emit(t, 0, `{"event":"socket","sockets":["`+bobID+`"]}`)
	p.emit(t, 0, `{"event":"except","except":["a"]}`)
	p.emit(t, 0, `{"event":"both","rooms":["a"],"sockets":["`+bobID+`"],"args":[{"_placeholder":true,"num":0}],"binary":["AAH/"]}`)
	p.emit(t, 0, `{"event":"end","compress":false}`)

	ada.Expect(`42["all",{"b":1.0,"a":12345678901234567890}]`, `42["socket"]`,
		`451-["both",{"_placeholder":true,"num":0}]`, "binary [0 1 255]", `42["end"]`)
	bob.Expect(`42["all",{"b":1.0,"a":12345678901234567890}]`, `42["room"]`, `42["socket"]`, `42["except"]`,
		`451-["both",{"_placeholder":true,"num":0}]`, "binary [0 1 255]", `42["end"]`)
}

func TestPublishIsRefused(t *testing.T) {
	p := startPublishing(t)
	c, _ := wiretest.Connect(t, p.clients[0], enginePath, "/")
	fine := `{"event":"e"}`
	for _, tt := range []struct{ name, path, token, document, want string }{
		{"no token", emitPath, "", fine, `401 {"error":"the header Authorization`},
		{"a wrong token", emitPath, "guess", fine, `401 {"error":"the header Authorization`},
		{"an unknown namespace", "/v1/namespaces/%2Fnone/emit", "secret", fine, `404 {"error":"there is no namespace \"/none\""}`},
		{"no namespace", "/v1/namespaces//emit", "secret", fine, `404 {"error":"`},
		{"another path", "/v1/emit", "secret", fine, `404 {"error":"/v1/emit is nothing here`},
		{"a name that is not encoded", "/v1/namespaces//orders/7/emit", "secret", fine, `404 {"error":"/v1/namespaces//orders/7/emit is nothing here`},
		{"a reserved event", emitPath, "secret", `{"event":"connect"}`, `400 {"error":"event \"connect\" is a reserved`},
		{"an unknown field", emitPath, "secret", `{"event":"e","user":"ada"}`, `400 {"error":"unknown field \"user\""}`},
		{"too much", emitPath, "secret", `{"event":"e","args":["` + strings.Repeat("x", 1000) + `"]}`, `413 {"error":"the document has more than`},
	} {
		if got := post(t, p.apis[0], tt.path, tt.token, tt.document); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: the answer is %s, want %s", tt.name, got, tt.want)
		}
	}
	p.emit(t, 0, `{"event":"end"}`)
	c.Expect(`42["end"]`) // and nothing before it
}

// A program that is cut off must not learn that its request succeeded.
func TestADocumentThatDoesNotArriveInFullIsRefused(t *testing.T) {
	p := startPublishing(t)
	for _, path := range []string{emitPath, "/v1/revocations"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.apis[0], "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer secret\r\nContent-Length: 100\r\n\r\n{\"user\":\"anna\"", path); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if want := `{"error":"the document has not arrived in full"}` + "\n"; err != nil || resp.StatusCode != http.StatusBadRequest || string(body) != want {
			t.Errorf("%s: the answer is %d %q, %v", path, resp.StatusCode, body, err)
		}
	}
}

func TestPublishMoreThanNATSCarries(t *testing.T) {
	p := startPublishingOver(t, &server.Options{MaxPayload: 512})
	c, _ := wiretest.Connect(t, p.clients[0], enginePath, "/")
	large := `{"event":"e","args":["` + strings.Repeat("x", 600) + `"]}`
	if got, want := post(t, p.apis[0], emitPath, "secret", large), `413 {"error":"`; !strings.HasPrefix(got, want) || !strings.Contains(got, "maximum payload") {
		t.Errorf("the answer is %s, want %s", got, want)
	}
	p.emit(t, 0, `{"event":"end"}`)
	c.Expect(`42["end"]`) // and nothing before it
}

func TestPublishToADynamicNamespaceOfAnotherGateway(t *testing.T) {
	p := startPublishing(t)
	ada, _ := wiretest.Connect(t, p.clients[1], enginePath, "/orders/7")

	if got := post(t, p.apis[0], "/v1/namespaces/%2Forders%2F7/emit", "secret", `{"event":"paid"}`); got != published200 {
		t.Fatalf("the answer is %s", got)
	}

	ada.Expect(`42/orders/7,["paid"]`)
	if got := post(t, p.apis[0], "/v1/namespaces/%2Forders%2Fx/emit", "secret", `{"event":"paid"}`); !strings.HasPrefix(got, "404") {
		t.Errorf("a name that does not match is answered %s", got)
	}
}

func TestPublishOverNATS(t *testing.T) {
	p := startPublishing(t)
	ada, _ := p.enter(t, 0, "a")
	bob, _ := p.enter(t, 1, "a")
	subject := publish.Subject("talk/news")
	if subject != "realtime.emit.talk.news" {
		t.Errorf("the subject is %s", subject)
	}
	request := func(document, want string) {
		t.Helper()
		answer, err := p.nats.Request(subject, []byte(document), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(answer.Data); got != want {
			t.Fatalf("%s is answered %s", document, got)
		}
	}
	request(`{"event":"e"}`, `{"error":"\"namespace\" is missing"}`)
	request(`{"namespace":"/none","event":"e"}`, `{"error":"there is no namespace \"/none\""}`)
	request(`{"namespace":"/","event":"`+strings.Repeat("x", 1000)+`"}`, `{"error":"the document has 1028 bytes, protocol.maxPayload is 1000"}`)

	// Whichever gateway answers, who waits for the answer keeps its order.
	const events = 300
	for i := range events {
		request(fmt.Sprintf(`{"namespace":"/","event":"n","args":[%d],"rooms":["a"]}`, i), `{"ok":true}`)
	}
	for _, c := range []*wiretest.Client{ada, bob} {
		for i := range events {
			c.Expect(fmt.Sprintf(`42["n",%d]`, i))
		}
	}
	for i, g := range p.gateways {
		w := httptest.NewRecorder()
		g.Ops().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if !strings.Contains(w.Body.String(), `realtime_publications_total{status="200",via="nats"}`) {
			t.Errorf("gateway %d has answered nothing", i)
		}
	}

	// Who does not want an answer gets none, and is heard all the same.
	if err := p.nats.Publish(subject, []byte(`{"namespace":"/","event":"last"}`)); err != nil {
		t.Fatal(err)
	}
	ada.Expect(`42["last"]`)
	bob.Expect(`42["last"]`)
}

func TestLeavingGatewayAnswersNoPublisher(t *testing.T) {
	p := startPublishing(t)
	if err := p.gateways[0].Drain(t.Context(), engineio.Pace{}); err != nil {
		t.Fatal(err)
	}
	ada, _ := p.enter(t, 1, "a")
	for i := range 50 {
		if _, err := p.nats.Request(publish.Subject("talk/news"), fmt.Appendf(nil, `{"namespace":"/","event":"n","args":[%d]}`, i), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		ada.Expect(fmt.Sprintf(`42["n",%d]`, i))
	}
	w := httptest.NewRecorder()
	p.gateways[0].Ops().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if strings.Contains(w.Body.String(), "realtime_publications_total{") {
		t.Error("a leaving gateway has answered")
	}
}

func TestTokensAreReadAgain(t *testing.T) {
	leakCheck(t)
	file := filepath.Join(t.TempDir(), "tokens")
	p := start(t, natstest.Start(t, nil).ClientURL(), 0, func(o *RunOptions) { o.APITokenFile, o.APIListen = file, "127.0.0.1:0" })
	await(t, p.ops+"/readyz", ready)
	if got := post(t, p.api, emitPath, "old", `{"event":"e"}`); !strings.HasPrefix(got, "401") {
		t.Errorf("without a file the answer is %s", got)
	}
	for _, tokens := range []string{"old\n", "old\nnew\n", "new\n"} {
		if err := os.WriteFile(file, []byte(tokens), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, token := range []string{"old", "new"} {
			want := "401"
			if strings.Contains(tokens, token) {
				want = "200"
			}
			eventually(t, "the answer is as it should be", func() bool { return strings.HasPrefix(post(t, p.api, emitPath, token, `{"event":"e"}`), want) })
		}
	}
}

func TestTheTraceOfAPublicationGoesToOtherGateways(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	p := startPublishing(t)
	p.enter(t, 1, "a")
	traced := make(chan string, 4)
	if _, err := p.nats.Subscribe(">", func(msg *nats.Msg) {
		if trace := msg.Header.Get("traceparent"); trace != "" && msg.Reply == "" {
			traced <- trace + " " + msg.Header.Get("tracestate")
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := p.nats.Flush(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", p.apis[0]+emitPath, strings.NewReader(`{"event":"e","rooms":["a"]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer secret"}, "Traceparent": {parent}, "Tracestate": {"rojo=1"}}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	msg := &nats.Msg{Subject: publish.Subject("talk/news"), Header: nats.Header{"traceparent": {parent}}}
	msg.Data = []byte(`{"namespace":"/","event":"e","rooms":["a"]}`)
	if _, err := p.nats.RequestMsg(msg, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{parent + " rojo=1", parent + " "} {
		select {
		case got := <-traced:
			if got != want {
				t.Errorf("the other gateway gets %q, want %q", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the other gateway gets no trace")
		}
	}
}
