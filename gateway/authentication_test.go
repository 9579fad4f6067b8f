// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"crypto/elliptic"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jwttest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const authenticated = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: authenticated}
spec:
  protocol: {allowEIO3: true}
  recovery: {maxDisconnection: 1m}
  authentication:
  - name: shared
    jwt:
      issuer: https://shared.example
      audiences: [chat, admin]
      hmac: {secretRef: {name: shared-keys}}
      from: [auth.token, header.authorization, cookie.session, query.token]
    allow: "!has(claims.banned)"
    message: 认证失败
  - name: mounted
    jwt: {issuer: https://mounted.example, audiences: [chat], jwks: {secretRef: {name: issuer-keys}}}
  - name: remote
    jwt: {issuer: https://remote.example, audiences: [chat], jwks: {url: "%s/keys"}}
    user: "claims.email"
    message: come back later
  - name: devices
    tokens: {secretRef: {name: devices}}
  namespaces:
  - name: /
    authentication: [shared, mounted, remote, devices]
    handlers: [{event: who, do: [{ack: "[socket.user, size(socket.claims) > 0]"}]}]
  - name: /open
    authentication: [shared]
    anonymous: true
    rooms:
    - {name: members, allow: {join: "socket.user == 'anna' && 'staff' in socket.claims.groups"}}
    handlers:
    - {event: who, do: [{ack: "[socket.user, size(socket.claims) > 0]"}]}
    - {event: enter, do: [{join: "'members'"}, {ack: "['in']"}]}
  - name: /free
    handlers: [{event: who, do: [{ack: "[socket.user, size(socket.claims) > 0]"}]}]
  dynamicNamespaces:
  - pattern: /site/.+
    authentication: [devices]
    handlers: [{event: who, do: [{ack: "[socket.user, socket.claims.site == socket.namespace]"}]}]
`

const deviceToken = "token-of-sensor-7-and-no-other"

// issuers are all that sign tokens for clients of a test, and the Secrets of the test's gateways.
type issuers struct {
	shared, next, rsa, ec, ed, remote jwttest.Key
	// dir has the Secrets, url the JWK set of the remote issuer, which is down until up is true.
	dir, url, ca string
	up           atomic.Bool
	// hold, if there is one, holds the set's requests back until it is closed.
	hold chan struct{}
}

func newIssuers(t *testing.T) *issuers {
	t.Helper()
	i := &issuers{
		shared: jwttest.HMAC("first", []byte("0123456789abcdef0123456789abcdef")),
		next:   jwttest.HMAC("second", []byte("abcdef0123456789abcdef0123456789")),
		rsa:    jwttest.RSA("rsa", 2048), ec: jwttest.EC("ec", elliptic.P256()), ed: jwttest.Ed25519("ed"),
		remote: jwttest.RSA("remote", 2048),
		dir:    t.TempDir(),
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.hold != nil {
			select {
			case <-i.hold:
			case <-r.Context().Done():
			}
		}
		if !i.up.Load() || r.URL.Path != "/keys" {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(jwttest.Set(t, i.remote))
	}))
	t.Cleanup(server.Close)
	i.url = server.URL
	i.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	i.put(t, "shared-keys", "first", "0123456789abcdef0123456789abcdef")
	i.put(t, "issuer-keys", "keys.json", string(jwttest.Set(t, i.rsa, i.ec, i.ed)))
	i.put(t, "devices", "sensor-7", `{"user":"sensor 7","tokens":["`+deviceToken+`"],"claims":{"site":"/site/north"}}`)
	return i
}

// put writes a key of a Secret.
func (i *issuers) put(t *testing.T, secret, key, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(i.dir, secret), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(i.dir, secret, key), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// claims are those of anna for an hour, of one of the issuers, with others in their place.
func claims(issuer string, others ...any) map[string]any {
	c := map[string]any{
		"iss": "https://" + issuer + ".example", "aud": "chat", "sub": "anna", "exp": time.Now().Add(time.Hour).Unix(),
	}
	for i := 0; i < len(others); i += 2 {
		c[others[i].(string)] = others[i+1]
	}
	return c
}

// gateways are two of the service. The issuer that is fetched from is down.
func (i *issuers) gateways(t *testing.T) [2]*pod {
	t.Helper()
	return i.gatewaysOf(t, authenticated)
}

func (i *issuers) gatewaysOf(t *testing.T, text string) [2]*pod {
	t.Helper()
	leakCheck(t)
	nats := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()})
	svc, err := manifest.Load(t.Context(), fmt.Appendf(nil, text, i.url))
	if err != nil {
		t.Fatal(err)
	}
	var pods [2]*pod
	for n := range pods {
		pods[n] = startWith(t, nats.ClientURL(), 0, render(t, svc), func(o *RunOptions) {
			o.AuthenticationDir, o.issuerCA = i.dir, i.ca
		})
		await(t, pods[n].ops+"/readyz", ready)
	}
	return pods
}

// attempt is what a client shows when it connects.
type attempt struct {
	namespace, query, auth string
	header                 http.Header
	// event is what an admitted client sends; who if empty.
	event string
}

func byToken(token string) attempt { return attempt{auth: `{"token":"` + token + `"}`} }

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// answer is the answer to CONNECT; if the client is admitted, what a handler sees of it.
func (a attempt) answer(t *testing.T, url string) string {
	t.Helper()
	c := wiretest.Dial(t, url, enginePath, a.query, a.header)
	defer c.Close()
	return a.ask(t, c)
}

func (a attempt) ask(t *testing.T, c *wiretest.Client) string {
	t.Helper()
	prefix := ""
	if a.namespace != "" {
		prefix = a.namespace + ","
	}
	c.Send("40" + prefix + a.auth)
	answer := c.Receive()
	if !strings.HasPrefix(answer, "40"+prefix) {
		return strings.TrimPrefix(answer, "44"+prefix)
	}
	c.Send("42" + prefix + `1["` + cmp.Or(a.event, "who") + `"]`)
	return strings.TrimPrefix(c.Receive(), "43"+prefix+"1")
}

func refusal(message, code string) string {
	return fmt.Sprintf(`{"message":%q,"data":{"code":%q}}`, message, code)
}

func TestWhoClientsAre(t *testing.T) {
	i := newIssuers(t)
	i.up.Store(true)
	pods := i.gateways(t)
	const anna, nobody, sensor = `["anna",true]`, `["",false]`, `["sensor 7",true]`
	failed := func(code string) string { return refusal("认证失败", code) }
	long := i.shared.Sign(t, "HS256", claims("shared", "pad", strings.Repeat("p", 6000)))
	short := i.shared.Sign(t, "HS256", claims("shared"))
	spaced := i.shared.SignText(t, "HS256", `{"alg":"HS256"}`, fmt.Sprintf(` {"iss":"https://shared.example","aud":"chat","sub":"anna","exp":%d}`, time.Now().Add(time.Hour).Unix()))
	for name, test := range map[string]struct {
		attempt attempt
		want    string
	}{
		"HS256":                           {byToken(short), anna},
		"claims behind a space":           {byToken(spaced), anna},
		"RS256":                           {byToken(i.rsa.Sign(t, "RS256", claims("mounted"))), anna},
		"ES256":                           {byToken(i.ec.Sign(t, "ES256", claims("mounted"))), anna},
		"EdDSA":                           {byToken(i.ed.Sign(t, "EdDSA", claims("mounted"))), anna},
		"RS256 by a set that is fetched":  {byToken(i.remote.Sign(t, "RS256", claims("remote", "email", "anna@example.com"))), `["anna@example.com",true]`},
		"a token of a Secret":             {byToken(deviceToken), sensor},
		"a token of nobody":               {byToken("token-of-sensor-8-and-no-other"), failed("token_invalid")},
		"no token":                        {attempt{}, failed("token_missing")},
		"a token that is no string":       {attempt{auth: `{"token":7}`}, failed("token_invalid")},
		"a wrong audience":                {byToken(i.shared.Sign(t, "HS256", claims("shared", "aud", "mail"))), failed("token_invalid")},
		"another issuer":                  {byToken(i.shared.Sign(t, "HS256", claims("nobody"))), failed("token_invalid")},
		"another's key":                   {byToken(i.next.Sign(t, "HS256", claims("shared"))), failed("token_invalid")},
		"expired":                         {byToken(i.shared.Sign(t, "HS256", claims("shared", "exp", time.Now().Add(-time.Minute).Unix()))), failed("token_expired")},
		"expired, of an entry further on": {byToken(i.rsa.Sign(t, "RS256", claims("mounted", "exp", 1))), refusal("Unauthorized", "token_expired")},
		"what allow does not allow":       {byToken(i.shared.Sign(t, "HS256", claims("shared", "banned", true))), failed("forbidden")},
		"what user fails for":             {byToken(i.remote.Sign(t, "RS256", claims("remote"))), refusal("come back later", "forbidden")},
		"an empty user":                   {byToken(i.remote.Sign(t, "RS256", claims("remote", "email", ""))), refusal("come back later", "forbidden")},
		"no subject":                      {byToken(i.shared.Sign(t, "HS256", claims("shared", "sub", ""))), failed("token_invalid")},
		"in a header":                     {attempt{header: bearer(short)}, anna},
		"in a long header":                {attempt{header: bearer(long)}, anna},
		"in a cookie":                     {attempt{header: http.Header{"Cookie": {"a=b; session=" + short}}}, anna},
		"in a long cookie":                {attempt{header: http.Header{"Cookie": {"a=" + strings.Repeat("c", 3000) + "; session=" + long}}}, anna},
		"in the query":                    {attempt{query: "&token=" + short}, anna},
		"in a header that none names":     {attempt{header: http.Header{"X-Token": {short}}}, failed("token_missing")},
		"anonymous where that is allowed": {attempt{namespace: "/open"}, nobody},
		"a user where anonymous ones are": {attempt{namespace: "/open", auth: byToken(short).auth}, anna},
		"a bad token instead of none":     {attempt{namespace: "/open", auth: byToken("x").auth}, failed("token_invalid")},
		"where nobody asks":               {attempt{namespace: "/free", auth: byToken("x").auth}, nobody},
		"by a pattern":                    {attempt{namespace: "/site/north", auth: byToken(deviceToken).auth}, sensor},
		"by a pattern, without a token":   {attempt{namespace: "/site/north"}, refusal("Unauthorized", "token_missing")},
		"an entry that is not named":      {attempt{namespace: "/site/north", auth: byToken(short).auth}, refusal("Unauthorized", "token_invalid")},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range pods {
				if got := test.attempt.answer(t, p.clients); got != test.want {
					t.Errorf("answered %s, want %s", got, test.want)
				}
			}
		})
	}
	_, metrics := get(t, pods[0].ops+"/metrics")
	for _, want := range []string{
		`realtime_authentication_total{entry="shared",result="ok"}`, `realtime_authentication_total{entry="remote",result="forbidden"}`,
		`realtime_authentication_total{entry="",result="token_missing"}`, `realtime_authentication_total{entry="",result="anonymous"}`,
		`realtime_jwks_fetches_total{result="ok"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("there is no %s", want)
		}
	}
}

// A connection may be in several namespaces. What its first request had is there for all of them,
// also for one that it leaves and comes back to.
func TestALongTokenIsThereForAllNamespaces(t *testing.T) {
	i := newIssuers(t)
	pods := i.gateways(t)
	token := i.shared.Sign(t, "HS256", claims("shared", "groups", []string{"staff"}, "pad", strings.Repeat("p", 6000)))
	c := wiretest.Dial(t, pods[0].clients, enginePath, "", bearer(token))
	for _, namespace := range []string{"", "/open"} {
		if got := (attempt{namespace: namespace}).ask(t, c); got != `["anna",true]` {
			t.Errorf("%s: %s", namespace, got)
		}
	}
	c.Send(`42/open,1["enter"]`)
	c.Expect(`43/open,1["in"]`)
	c.Send("41/open,")
	if got := (attempt{namespace: "/open"}).ask(t, c); got != `["anna",true]` {
		t.Errorf("back in /open: %s", got)
	}
	anonymous := wiretest.Dial(t, pods[1].clients, enginePath, "", nil)
	if got := (attempt{namespace: "/open"}).ask(t, anonymous); got != `["",false]` {
		t.Errorf("anonymous: %s", got)
	}
	anonymous.Send(`42/open,1["enter"]`)
	anonymous.Expect(`43/open,1[{"error":{"code":"forbidden","rule":"rooms[0].allow.join"}}]`)
}

func TestKeysOfSecretsAreRotated(t *testing.T) {
	i := newIssuers(t)
	pods := i.gateways(t)
	old, next := byToken(i.shared.Sign(t, "HS256", claims("shared"))), byToken(i.next.Sign(t, "HS256", claims("shared")))
	until := func(what string, a attempt, want string) {
		t.Helper()
		for _, p := range pods {
			eventually(t, what, func() bool { return a.answer(t, p.clients) == want })
		}
	}
	until("the first key is in force", old, `["anna",true]`)
	i.put(t, "shared-keys", "second", "abcdef0123456789abcdef0123456789")
	until("the second is, too", next, `["anna",true]`)
	until("the first still is", old, `["anna",true]`)
	if err := os.Remove(filepath.Join(i.dir, "shared-keys", "first")); err != nil {
		t.Fatal(err)
	}
	until("the first is not any more", old, refusal("认证失败", "token_invalid"))
	until("the second still is", next, `["anna",true]`)
}

func TestAGatewayStartsWhileTheIssuerIsDown(t *testing.T) {
	i := newIssuers(t)
	pods := i.gateways(t)
	token := byToken(i.remote.Sign(t, "RS256", claims("remote", "email", "anna@example.com")))
	for _, p := range pods {
		if got := token.answer(t, p.clients); got != refusal("come back later", "unavailable") {
			t.Errorf("answered %s", got)
		}
		if got := byToken(i.rsa.Sign(t, "RS256", claims("mounted"))).answer(t, p.clients); got != `["anna",true]` {
			t.Errorf("another issuer's token is answered %s", got)
		}
		await(t, p.ops+"/status", func(_ int, body string) bool {
			return strings.Contains(body, `"keySets":[{"url":"`+i.url+`/keys","keys":0,"error":"fetch a JWK set from`)
		})
	}
	i.up.Store(true)
	for _, p := range pods {
		await(t, p.ops+"/status", func(_ int, body string) bool { return strings.Contains(body, `"keys":1,"fetched":"`) })
		if got := token.answer(t, p.clients); got != `["anna@example.com",true]` {
			t.Errorf("answered %s", got)
		}
	}
}

// Gateways get a configuration before they are replaced by those that have its new Secrets: who
// needs none of these must get in meanwhile.
func TestASecretThatIsMissingKeepsNobodyElseOut(t *testing.T) {
	i := newIssuers(t)
	if err := os.RemoveAll(filepath.Join(i.dir, "devices")); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(authenticated, "authentication: [shared, mounted, remote, devices]", "authentication: [devices, shared]", 1)
	p := i.gatewaysOf(t, text)[0]
	if got := byToken(i.shared.Sign(t, "HS256", claims("shared"))).answer(t, p.clients); got != `["anna",true]` {
		t.Errorf("a token of another entry is answered %s", got)
	}
	if got := byToken(deviceToken).answer(t, p.clients); got != refusal("Unauthorized", "unavailable") {
		t.Errorf("a token that may be in the Secret is answered %s", got)
	}
}

// A client that comes before the keys waits for them, and one that leaves does not.
func TestAClientWaitsForTheFirstFetch(t *testing.T) {
	i := newIssuers(t)
	i.up.Store(true)
	i.hold = make(chan struct{})
	p := i.gateways(t)[0]
	token := byToken(i.remote.Sign(t, "RS256", claims("remote", "email", "anna@example.com")))
	waits, leaves := wiretest.Dial(t, p.clients, enginePath, "", nil), wiretest.Dial(t, p.clients, enginePath, "", nil)
	for _, c := range []*wiretest.Client{waits, leaves} {
		c.Send("40"+token.auth, `421["who"]`)
	}
	if got := byToken(i.shared.Sign(t, "HS256", claims("shared"))).answer(t, p.clients); got != `["anna",true]` {
		t.Errorf("meanwhile, another client is answered %s", got)
	}
	leaves.Close()
	eventually(t, "the client has left", func() bool {
		_, metrics := get(t, p.ops+"/metrics")
		return strings.Contains(metrics, `realtime_authentication_total{entry="remote",result="unavailable"} 1`)
	})
	close(i.hold)
	if got := waits.Receive(); !strings.HasPrefix(got, "40{") {
		t.Errorf("the client that waits is answered %s", got)
	}
	waits.Expect(`431["anna@example.com",true]`)
}

// The keys of a set are not lost by another configuration, nor fetched again.
func TestANewConfigurationKeepsTheKeys(t *testing.T) {
	i := newIssuers(t)
	i.up.Store(true)
	pods := i.gateways(t)
	p := pods[0]
	token := byToken(i.remote.Sign(t, "RS256", claims("remote", "email", "anna@example.com")))
	if got := token.answer(t, p.clients); got != `["anna@example.com",true]` {
		t.Fatalf("answered %s", got)
	}
	i.up.Store(false)
	svc, err := manifest.Load(t.Context(), fmt.Appendf(nil, strings.Replace(authenticated, "come back later", "later", 1), i.url))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.config, render(t, svc), 0o600); err != nil {
		t.Fatal(err)
	}
	without := byToken(i.remote.Sign(t, "RS256", claims("remote")))
	eventually(t, "the new message is in force", func() bool { return without.answer(t, p.clients) == refusal("later", "forbidden") })
	if got := token.answer(t, p.clients); got != `["anna@example.com",true]` {
		t.Errorf("answered %s", got)
	}
	if _, metrics := get(t, p.ops+"/metrics"); !strings.Contains(metrics, `realtime_jwks_fetches_total{result="ok"} 1`) {
		t.Error("the keys were fetched again")
	}
}

// A client of 2.x has no auth. Its error event has the data instead of the message, as in the
// reference.
func TestAClientOf2xIsRefusedInItsOwnForm(t *testing.T) {
	i := newIssuers(t)
	url := i.gateways(t)[0].clients
	refused := pollByOld(t, url)
	refused.expect(url, `44{"code":"token_missing"}`)

	c := &oldClient{t: t}
	status, body := c.do("GET", url+polling3+"&token="+i.shared.Sign(t, "HS256", claims("shared")), "")
	if status != http.StatusOK {
		t.Fatalf("the handshake is answered %d %s", status, body)
	}
	c.sid, c.received = strings.Split(body, `"`)[3], body
	c.expect(url, "2:40")
	if status := c.post(url, c.sid, `10:421["who"]`); status != http.StatusOK {
		t.Fatalf("the event is answered %d", status)
	}
	c.expect(url, `431["anna",true]`)
}

func TestWhoComesBackIsAskedAgain(t *testing.T) {
	i := newIssuers(t)
	pods := i.gateways(t)
	token := func(others ...any) string { return i.shared.Sign(t, "HS256", claims("shared", others...)) }
	g := &wiretest.Guest{T: t, Token: token()}
	vanish := func() { g.Wire.Close() }
	g.Ask(pods[0].clients, enginePath)
	g.Answer()
	vanish()

	// An expired token takes the session from nobody.
	g.Token = token("exp", time.Now().Add(-time.Minute).Unix())
	g.Ask(pods[1].clients, enginePath)
	g.Wire.Expect("44" + refusal("认证失败", "token_expired"))
	vanish()
	g.Token = token("banned", true)
	g.Ask(pods[1].clients, enginePath)
	g.Wire.Expect("44" + refusal("认证失败", "forbidden"))
	vanish()

	g.Token = token("jti", "newer")
	g.Ask(pods[1].clients, enginePath)
	if !g.Answer() {
		t.Error("with a newer token, the session is not recovered")
	}
	vanish()

	other := &wiretest.Guest{T: t, PID: g.PID, SID: g.SID, Token: token("sub", "bob")}
	other.Ask(pods[0].clients, enginePath)
	if other.Answer() {
		t.Error("another user has the session")
	}
	other.Wire.Close()
	g.Ask(pods[0].clients, enginePath)
	if !g.Answer() {
		t.Error("another user has taken the session from its owner")
	}
}
