// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/certtest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jwttest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const askingPrograms = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: asking, namespace: shop}
spec:
  protocol: {allowEIO3: true, admission: [], handshakes: {perSecond: 0}}
  authentication:
  - name: web
    webhook:
      serviceRef: {name: accounts, port: PORT}
      path: /who?v=1
      credentialsSecretRef: {name: accounts}
      forward: {headers: [x-tenant], query: [tenant]}
      timeout: TIMEOUT
      concurrency: 4
    allow: "!has(claims.locked)"
    message: 认证失败
  - name: bus
    nats: {subject: accounts.who, forward: {headers: [X-Tenant], query: [tenant]}, timeout: TIMEOUT, concurrency: 4}
    allow: "!has(claims.locked)"
    message: 认证失败
  - name: lenient
    webhook: {serviceRef: {name: accounts, port: PORT}, path: "/who?v=1", credentialsSecretRef: {name: accounts}, timeout: TIMEOUT, onFailure: Allow}
    allow: "claims.role == 'editor'"
  - name: devices
    tokens: {secretRef: {name: devices}}
  namespaces:
  - name: /web
    authentication: [web, devices]
    handlers: &who
    - {event: who, do: [{ack: "[socket.user, has(socket.claims.role) ? socket.claims.role : '']"}]}
    - {event: order, do: [{emit: {to: socket, event: ordered, args: "args"}}]}
  - {name: /bus, authentication: [bus, devices], handlers: *who}
  - {name: /lenient, authentication: [lenient], handlers: *who}
  - {name: /devices, authentication: [devices], handlers: *who}
  - {name: /open, authentication: [web], anonymous: true, handlers: *who}
  - {name: /, handlers: *who}
`

// program is one of the user's own that says who clients are, over HTTP and NATS.
type program struct {
	t    *testing.T
	port string
	nats *nats.Conn
	// secrets are those of the gateways that ask.
	secrets *issuers
	// released is closed when clients with the token "hang" are answered.
	released chan struct{}

	mu sync.Mutex
	// asked are the questions, by their tokens.
	asked map[string][]map[string]any // guarded by mu
	// down is true while a proxy answers for the program, and nobody has the subject.
	down         bool               // guarded by mu
	subscription *nats.Subscription // guarded by mu
}

func startProgram(t *testing.T, natsURL string) *program {
	t.Helper()
	p := &program{t: t, released: make(chan struct{}), asked: map[string][]map[string]any{}}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if got := r.Header.Get("Authorization"); r.Method != http.MethodPost || r.RequestURI != "/who?v=1" || got != "Bearer gateway-secret" {
			t.Errorf("asked by %s %s with %q", r.Method, r.RequestURI, got)
		}
		if p.isDown() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, p.answer(body))
	}))
	t.Cleanup(web.Close)
	address, err := url.Parse(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	p.port = address.Port()
	if p.nats, err = nats.Connect(natsURL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.nats.Close)
	p.setDown(false)
	t.Cleanup(p.release) // before the servers end, which wait for their handlers
	return p
}

func (p *program) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.released:
	default:
		close(p.released)
	}
}

// setDown ends the program, or starts it.
func (p *program) setDown(down bool) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if p.down = down; down {
		err = p.subscription.Unsubscribe()
	} else {
		p.subscription, err = p.nats.Subscribe("accounts.who", func(m *nats.Msg) { go func() { _ = m.Respond([]byte(p.answer(m.Data))) }() })
	}
	if err == nil {
		err = p.nats.Flush()
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) isDown() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.down
}

func (p *program) questions(token string) []map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[token]
}

func (p *program) answer(body []byte) string {
	var question map[string]any
	if err := json.Unmarshal(body, &question); err != nil {
		p.t.Errorf("asked %s", body)
	}
	token, _ := question["token"].(string)
	p.mu.Lock()
	p.asked[token] = append(p.asked[token], question)
	p.mu.Unlock()
	kind, _, _ := strings.Cut(token, "/")
	switch kind {
	case "anna":
		return `{"user":"anna","claims":{"role":"editor"}}`
	case "cached":
		return `{"user":"anna","ttl":60}`
	case "locked":
		return `{"user":"anna","claims":{"locked":true}}`
	case "trial":
		return `{"refuse":{"message":"your trial has ended"}}`
	case "expired":
		return `{"refuse":{"code":"token_expired"}}`
	case "past":
		return `{"user":"anna","expires":1}`
	case "hang":
		<-p.released
		return `{"user":"anna"}`
	case "broken":
		return "what?"
	}
	return `{"unrecognized":true}`
}

// askingService is what two gateways need to ask the program.
func askingService(t *testing.T, text, timeout string) (*program, [2]*pod) {
	t.Helper()
	leakCheck(t)
	bus := natstest.Start(t, &server.Options{JetStream: true, StoreDir: t.TempDir()})
	p := startProgram(t, bus.ClientURL())
	i := &issuers{dir: t.TempDir()}
	p.secrets = i
	i.put(t, "accounts", "token", "gateway-secret\n")
	i.put(t, "later", "..data", "") // mounted, and still empty
	i.put(t, "devices", "sensor-7", deviceToken)
	svc, err := manifest.Load(t.Context(), []byte(strings.NewReplacer("PORT", p.port, "TIMEOUT", timeout).Replace(text)))
	if err != nil {
		t.Fatal(err)
	}
	var pods [2]*pod
	for n := range pods {
		pods[n] = startWith(t, bus.ClientURL(), 0, render(t, svc), func(o *RunOptions) {
			o.AuthenticationDir, o.LocalServices = i.dir, true
		})
		await(t, pods[n].ops+"/readyz", ready)
	}
	return p, pods
}

func at(namespace, token string) attempt {
	return attempt{namespace: namespace, auth: byToken(token).auth}
}

func TestProgramsSayWhoClientsAre(t *testing.T) {
	p, pods := askingService(t, askingPrograms, "10s")
	const editor = `["anna","editor"]`
	for _, namespace := range []string{"/web", "/bus"} {
		for token, want := range map[string]string{
			"anna":      editor,
			"trial":     refusal("your trial has ended", "forbidden"),
			"expired":   refusal("认证失败", "token_expired"),
			"past":      refusal("认证失败", "token_expired"),
			"locked":    refusal("认证失败", "forbidden"),
			"stranger":  refusal("认证失败", "token_invalid"),
			deviceToken: `["sensor-7",""]`,
			"cached":    `["anna",""]`,
		} {
			for _, g := range pods {
				for range 2 {
					if got := at(namespace, token).answer(t, g.clients); got != want {
						t.Errorf("%s in %s is answered %s, want %s", token, namespace, got, want)
					}
				}
			}
		}
		if got := (attempt{namespace: namespace}).answer(t, pods[0].clients); got != refusal("认证失败", "token_missing") {
			t.Errorf("without a token, answered %s", got)
		}
	}
	// Each gateway has asked for each namespace once of what may be kept, and twice of all else.
	for token, want := range map[string]int{"cached": 4, "anna": 8, "": 0} {
		if got := len(p.questions(token)); got != want {
			t.Errorf("asked %d times about %q, want %d", got, token, want)
		}
	}
	// Who is refused is not admitted by onFailure: Allow.
	for token, code := range map[string]string{"locked": "forbidden", "stranger": "token_invalid", "": "token_missing", "expired": "token_expired"} {
		if got := at("/lenient", token).answer(t, pods[0].clients); got != refusal("Unauthorized", code) {
			t.Errorf("%q in /lenient is answered %s", token, got)
		}
	}
	if got := (attempt{namespace: "/open"}).answer(t, pods[0].clients); got != `["",""]` {
		t.Errorf("an anonymous client is answered %s", got)
	}
	if got := at("/open", "anna").answer(t, pods[0].clients); got != editor {
		t.Errorf("a user where anonymous clients are is answered %s", got)
	}
}

func TestWhatAProgramIsTold(t *testing.T) {
	p, pods := askingService(t, askingPrograms, "10s")
	for _, namespace := range []string{"/web", "/bus"} {
		a := at(namespace, "anna"+namespace)
		a.query, a.header = "&tenant=north&other=x", http.Header{"X-Tenant": {"a", "b"}, "Cookie": {"c=d"}}
		if got := a.answer(t, pods[0].clients); got != `["anna","editor"]` {
			t.Errorf("answered %s", got)
		}
		asked := p.questions("anna" + namespace)
		if len(asked) != 1 {
			t.Fatalf("asked %d times", len(asked))
		}
		got, err := json.Marshal(asked[0])
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`{"auth":{"token":"anna%s"},"handshake":{"address":"127.0.0.1","headers":{"x-tenant":["a","b"]},"query":{"tenant":["north"]}},`+
			`"namespace":"%s","service":"shop/asking","token":"anna%s"}`, namespace, namespace, namespace)
		if string(got) != want {
			t.Errorf("asked %s, want %s", got, want)
		}
	}
}

// A program that fails is told of by the gateways, and asked again when it is back.
func TestAProgramThatFails(t *testing.T) {
	p, pods := askingService(t, askingPrograms, "10s")
	g := pods[0]
	for _, namespace := range []string{"/web", "/bus"} {
		for range 5 {
			if got := at(namespace, "broken").answer(t, pods[1].clients); got != refusal("认证失败", "unavailable") {
				t.Errorf("in %s, an answer that cannot be read is %s", namespace, got)
			}
		}
		if got := at(namespace, "anna").answer(t, pods[1].clients); got != `["anna","editor"]` {
			t.Errorf("in %s, next to a client that the program cannot cope with, answered %s", namespace, got)
		}
	}
	p.setDown(true)
	for range 5 {
		for _, namespace := range []string{"/web", "/bus"} {
			if got := at(namespace, "anna").answer(t, g.clients); got != refusal("认证失败", "unavailable") {
				t.Errorf("in %s, answered %s", namespace, got)
			}
			if got := at(namespace, deviceToken).answer(t, g.clients); got != refusal("认证失败", "unavailable") {
				t.Errorf("in %s, a token that the program might know is answered %s", namespace, got)
			}
		}
		if got := at("/lenient", "anna").answer(t, g.clients); got != `["",""]` {
			t.Errorf("in /lenient, answered %s", got)
		}
	}
	if got := at("/devices", deviceToken).answer(t, g.clients); got != `["sensor-7",""]` {
		t.Errorf("where the program is not asked, answered %s", got)
	}
	_, status := get(t, g.ops+"/status")
	for _, want := range []string{`"entry":"web","circuit":"open","error":"the answer of http`, `"entry":"bus","circuit":"open","error":"`, `"entry":"lenient","circuit":"open"`} {
		if !strings.Contains(status, want) {
			t.Errorf("the status has no %s: %s", want, status)
		}
	}
	_, metrics := get(t, g.ops+"/metrics")
	for _, want := range []string{
		`realtime_authentication_circuit_open{entry="web"} 1`, `realtime_authentication_circuit_open{entry="bus"} 1`,
		`realtime_authentication_requests_total{entry="web",result="failed"} 5`, `realtime_authentication_requests_total{entry="web",result="resting"} 5`,
		`realtime_authentication_total{entry="lenient",result="anonymous"} 5`, `realtime_authentication_total{entry="web",result="unavailable"} 10`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	_, status = get(t, pods[1].ops+"/status")
	if strings.Contains(status, `"circuit":"open"`) {
		t.Errorf("a gateway that the program has answered says %s", status)
	}
	p.setDown(false)
	for _, namespace := range []string{"/web", "/bus", "/lenient"} {
		eventually(t, "the program is asked again", func() bool { return at(namespace, "anna").answer(t, g.clients) == `["anna","editor"]` })
	}
	if _, status := get(t, g.ops+"/status"); !strings.Contains(status, `"programs":[{"entry":"bus","circuit":"closed"},{"entry":"lenient","circuit":"closed"},{"entry":"web","circuit":"closed"}]`) {
		t.Errorf("the status is %s", status)
	}
}

// Nobody listens on the port, and nobody has the subject.
func TestAProgramThatIsNotThere(t *testing.T) {
	p, pods := askingService(t, strings.NewReplacer("accounts.who", "nobody", "port: PORT", "port: 1").Replace(askingPrograms), "10s")
	for _, namespace := range []string{"/web", "/bus"} {
		if got := at(namespace, "anna").answer(t, pods[0].clients); got != refusal("认证失败", "unavailable") {
			t.Errorf("in %s, answered %s", namespace, got)
		}
	}
	if n := len(p.questions("anna")); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestAProgramThatHangsIsGivenUp(t *testing.T) {
	_, pods := askingService(t, askingPrograms, "100ms")
	for _, namespace := range []string{"/web", "/bus"} {
		if got := at(namespace, "hang").answer(t, pods[0].clients); got != refusal("认证失败", "unavailable") {
			t.Errorf("in %s, answered %s", namespace, got)
		}
	}
	if got := at("/lenient", "hang").answer(t, pods[0].clients); got != `["",""]` {
		t.Errorf("in /lenient, answered %s", got)
	}
}

// Clients that wait hold no worker: far more than there are processors wait, and all others are
// served as if they did not.
func TestClientsThatWaitForAProgramHoldNoWorker(t *testing.T) {
	const clients = 500
	for _, namespace := range []string{"/web", "/bus"} {
		t.Run(namespace[1:], func(t *testing.T) {
			p, pods := askingService(t, askingPrograms, "10s")
			g := pods[0]
			crowd := wiretest.NewCrowd(t, g.clients, enginePath, clients)
			crowd.Send("40" + namespace + "," + byToken("hang").auth)
			crowd.Send("42" + namespace + `,["order",1]`)
			crowd.Send("42" + namespace + `,["order",2]`)
			await(t, g.ops+"/metrics", func(_ int, body string) bool {
				return strings.Contains(body, fmt.Sprintf("\nrealtime_handlers_suspended %d\n", clients))
			})
			one := wiretest.Dial(t, g.clients, enginePath, "", nil)
			one.Send("40"+namespace+","+byToken("hang").auth, "42"+namespace+`,["order",1]`, "42"+namespace+`,["order",2]`)
			// The same connection in another namespace, another connection there, and another
			// entry.
			if got := at("/devices", deviceToken).ask(t, one); got != `["sensor-7",""]` {
				t.Errorf("in another namespace, the client is answered %s", got)
			}
			for range 20 {
				if got := at("/devices", deviceToken).answer(t, g.clients); got != `["sensor-7",""]` {
					t.Errorf("in another namespace, answered %s", got)
				}
			}
			if got := at("/lenient", "anna").answer(t, g.clients); got != `["anna","editor"]` {
				t.Errorf("by another entry, answered %s", got)
			}
			_, metrics := get(t, g.ops+"/metrics")
			if workers := metric(t, metrics, "realtime_netpoll_workers"); workers > 20 {
				t.Errorf("%v workers", workers)
			}
			p.release()
			if got := one.Receive(); !strings.HasPrefix(got, "40"+namespace+",{") {
				t.Errorf("answered %s", got)
			}
			one.Expect("42"+namespace+`,["ordered",1]`, "42"+namespace+`,["ordered",2]`)
			crowd.Leave()
			await(t, g.ops+"/metrics", func(_ int, body string) bool { return strings.Contains(body, "\nrealtime_handlers_suspended 0\n") })
		})
	}
}

// metric is the value of a metric without labels.
func metric(t *testing.T, metrics, name string) (value float64) {
	t.Helper()
	_, rest, _ := strings.Cut(metrics, "\n"+name+" ")
	if _, err := fmt.Sscan(rest, &value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}

// A client that waits is judged by the manifest that is in force when it is admitted.
func TestAManifestThatChangesWhileAClientWaits(t *testing.T) {
	p, pods := askingService(t, askingPrograms, "10s")
	g := pods[0]
	waits := wiretest.Dial(t, g.clients, enginePath, "", nil)
	waits.Send("40/web," + byToken("hang").auth)
	await(t, g.ops+"/metrics", func(_ int, body string) bool { return strings.Contains(body, "\nrealtime_handlers_suspended 1\n") })
	changed := strings.Replace(askingPrograms, "    allow: \"!has(claims.locked)\"\n    message: 认证失败\n  - name: bus", "    allow: \"false\"\n    message: closed\n  - name: bus", 1)
	svc, err := manifest.Load(t.Context(), []byte(strings.NewReplacer("PORT", p.port, "TIMEOUT", "10s").Replace(changed)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(g.config, render(t, svc), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new manifest is in force", func() bool { return at("/web", "anna").answer(t, g.clients) == refusal("closed", "forbidden") })
	p.release()
	waits.Expect(`44/web,` + refusal("closed", "forbidden"))
}

// A client that comes back is judged again, which may take a while.
func TestAClientThatComesBackIsAskedAboutAgain(t *testing.T) {
	text := strings.Replace(askingPrograms, "spec:\n", "spec:\n  recovery: {maxDisconnection: 1m}\n", 1)
	text = strings.Replace(text, "- {name: /, handlers: *who}", "- {name: /, authentication: [web], handlers: *who}", 1)
	p, pods := askingService(t, text, "10s")
	first := wiretest.Dial(t, pods[0].clients, enginePath, "", nil)
	_, pid := welcomed(t, first, byToken("anna").auth)
	first.Close()
	back := func(token string) *wiretest.Client {
		c := wiretest.Dial(t, pods[1].clients, enginePath, "", nil)
		c.Send(`40{"pid":"` + pid + `","token":"` + token + `"}`)
		return c
	}
	refused := back("trial")
	refused.Expect("44" + refusal("your trial has ended", "forbidden"))
	hangs := back("hang")
	eventually(t, "it is asked", func() bool { return len(p.questions("hang")) == 1 })
	p.release()
	if got := hangs.Receive(); !strings.Contains(got, pid) {
		t.Errorf("the client that comes back is answered %s", got)
	}
}

func TestAProgramsTokenIsReadAgain(t *testing.T) {
	text := strings.ReplaceAll(askingPrograms, "credentialsSecretRef: {name: accounts}", "credentialsSecretRef: {name: later}")
	p, pods := askingService(t, text, "10s")
	g := pods[0]
	for range 6 { // after 5 failures, the program is left alone
		if got := at("/web", "anna").answer(t, g.clients); got != refusal("认证失败", "unavailable") {
			t.Errorf("without credentials, answered %s", got)
		}
	}
	if _, status := get(t, g.ops+"/status"); !strings.Contains(status, "there is no token to show to it") {
		t.Errorf("the status is %s", status)
	}
	if n := len(p.questions("anna")); n != 0 {
		t.Errorf("asked %d times", n)
	}
	p.secrets.put(t, "later", "token", "gateway-secret")
	eventually(t, "the program is asked", func() bool { return at("/web", "anna").answer(t, g.clients) == `["anna","editor"]` })
}

// Authorities of a webhook and of an issuer, mounted from a ConfigMap and a Secret.
func TestAuthoritiesAreMountedAndRotated(t *testing.T) {
	leakCheck(t)
	bus := natstest.Start(t, nil)
	key := jwttest.RSA("remote", 2048)
	authority, other := certtest.NewAuthority(t), certtest.NewAuthority(t)
	tls := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			_, _ = w.Write(jwttest.Set(t, key))
			return
		}
		_, _ = io.WriteString(w, `{"user":"anna"}`)
	}))
	tls.TLS = authority.TLS(t, "", authority.Issue(t, "localhost"))
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	t.Cleanup(tls.Close)
	i := &issuers{dir: t.TempDir()}
	i.put(t, "_configmaps/corporate", "ca.crt", string(other.Certificate))
	i.put(t, "issuer-ca", "root.pem", string(other.Certificate))
	url := strings.Replace(tls.URL, "127.0.0.1", "localhost", 1)
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "https://"), ":")
	svc, err := manifest.Load(t.Context(), fmt.Appendf(nil, `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: asking}
spec:
  authentication:
  - {name: web, webhook: {url: "%s/who", ca: {configMapRef: {name: corporate}}}}
  - {name: service, webhook: {serviceRef: {name: accounts, port: %s, scheme: HTTPS}, ca: {configMapRef: {name: corporate}}}}
  - {name: users, jwt: {issuer: https://remote.example, audiences: [chat], jwks: {url: "%s/keys", ca: {secretRef: {name: issuer-ca}, key: root.pem}}}}
  namespaces:
  - {name: /web, authentication: [web], handlers: [{event: who, do: [{ack: "[socket.user]"}]}]}
  - {name: /service, authentication: [service], handlers: [{event: who, do: [{ack: "[socket.user]"}]}]}
  - {name: /users, authentication: [users], handlers: [{event: who, do: [{ack: "[socket.user]"}]}]}
`, url, port, url))
	if err != nil {
		t.Fatal(err)
	}
	g := startWith(t, bus.ClientURL(), 0, render(t, svc), func(o *RunOptions) { o.AuthenticationDir, o.LocalServices = i.dir, true })
	await(t, g.ops+"/readyz", ready)
	tokens := map[string]string{"/web": "t", "/service": "t", "/users": key.Sign(t, "RS256", claims("remote"))}
	for namespace, token := range tokens {
		if got := at(namespace, token).answer(t, g.clients); got != refusal("Unauthorized", "unavailable") {
			t.Errorf("%s: by another authority, answered %s", namespace, got)
		}
	}
	i.put(t, "_configmaps/corporate", "ca.crt", string(authority.Certificate))
	i.put(t, "issuer-ca", "root.pem", string(authority.Certificate))
	for namespace, token := range tokens {
		eventually(t, namespace+" is trusted", func() bool { return at(namespace, token).answer(t, g.clients) == `["anna"]` })
	}
}
