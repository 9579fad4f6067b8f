// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/publish"
	"github.com/realtime-operator/realtime-operator/gateway/revocation"
)

const revoking = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: revoking}
spec:
  recovery: {maxDisconnection: 1m}
  revocation: {keep: 1h}
  authentication:
  - name: shared
    jwt: {issuer: https://shared.example, audiences: [chat], hmac: {secretRef: {name: shared-keys}}}
  - name: others
    jwt: {issuer: https://mounted.example, audiences: [chat], jwks: {secretRef: {name: issuer-keys}}}
  namespaces:
  - name: /
    authentication: [shared, others]
    anonymous: true
    addressUsers: true
    rooms:
    - {name: "team-{team}", allow: {join: "room.params.team in socket.claims.teams"}}
    handlers:
    - {event: who, do: [{ack: "[socket.user]"}]}
    - {event: enter, do: [{join: "args[0]"}]}
    - {event: tell, do: [{emit: {rooms: ["args[0]"], event: told}}]}
    - {event: rooms, do: [{ack: "socket.rooms.filter(r, r.startsWith('team'))"}]}
  - name: /other
    authentication: [shared]
`

// revoker are two gateways, and a program that revokes tokens.
type revoker struct {
	*testing.T
	*issuers
	pods [2]*pod
	nats *nats.Conn
}

func startRevoking(t *testing.T, natsURL string) *revoker {
	t.Helper()
	r := &revoker{T: t, issuers: newIssuers(t)}
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	svc, err := manifest.Load(t.Context(), []byte(revoking))
	if err != nil {
		t.Fatal(err)
	}
	for n := range r.pods {
		r.pods[n] = startWith(t, natsURL, 0, render(t, svc), func(o *RunOptions) {
			o.AuthenticationDir, o.APITokenFile, o.APIListen = r.dir, tokens, "127.0.0.1:0"
		})
	}
	return r
}

func startRevokingReady(t *testing.T) *revoker {
	t.Helper()
	leakCheck(t)
	server := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()})
	r := startRevoking(t, server.ClientURL())
	var err error
	if r.nats, err = nats.Connect(server.ClientURL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.nats.Close)
	for _, p := range r.pods {
		await(t, p.ops+"/readyz", ready)
		await(t, p.ops+"/metrics", func(_ int, body string) bool { return strings.Contains(body, "\nrealtime_revocations_current 1\n") })
	}
	return r
}

func (r *revoker) token(others ...any) string {
	return r.shared.Sign(r.T, "HS256", claims("shared", others...))
}

// revoke revokes over HTTP.
func (r *revoker) revoke(document string) {
	r.Helper()
	if got := post(r.T, r.pods[0].api, "/v1/revocations", "secret", document); !strings.HasPrefix(got, "200 {\"ok\":true}") {
		r.Fatalf("%s is answered %s", document, got)
	}
}

// refused wants that a token is refused by both gateways within a second.
func (r *revoker) refused(token string) {
	r.Helper()
	begin := time.Now()
	for _, p := range r.pods {
		eventually(r.T, "the token is refused", func() bool { return r.isRefused(p.clients, token) })
	}
	if took := time.Since(begin); took > 5*time.Second { // a second, and what a busy machine takes
		r.Errorf("the token is refused after %v", took)
	}
}

// isRefused asks for no more than the answer to CONNECT: a client that is just admitted may be
// disconnected at any time.
func (r *revoker) isRefused(url, token string) bool {
	r.Helper()
	c := wiretest.Dial(r.T, url, enginePath, "", nil)
	defer c.Close()
	c.Send("40" + byToken(token).auth)
	return c.Receive() == "44"+refusal("Unauthorized", "token_invalid")
}

func (r *revoker) admitted(token string) {
	r.Helper()
	for _, p := range r.pods {
		if got := byToken(token).answer(r.T, p.clients); !strings.HasPrefix(got, `["`) {
			r.Errorf("answered %s", got)
		}
	}
}

// ended wants that connections end within a second, without a word of Socket.IO.
func (r *revoker) ended(clients ...*wiretest.Client) {
	r.Helper()
	begin := time.Now()
	for _, c := range clients {
		if rest := c.ExpectClosed(); len(rest) > 0 {
			r.Errorf("before the end came %q", rest)
		}
	}
	if took := time.Since(begin); took > 5*time.Second { // a second, and what a busy machine takes
		r.Errorf("connections end after %v", took)
	}
}

func stays(t *testing.T, c *wiretest.Client, user string) {
	t.Helper()
	c.Send(`421["who"]`)
	c.Expect(`431["` + user + `"]`)
}

func TestTokensAreRevokedWhileClientsAreConnected(t *testing.T) {
	r := startRevokingReady(t)
	now := time.Now()
	phone, laptop := r.token("jti", "phone"), r.token("jti", "laptop", "iat", now.Unix()-100)
	bob, old := r.token("sub", "bob", "iat", now.Unix()-100), r.token("sub", "eve", "iat", now.Unix()-1000)
	namesake := r.rsa.Sign(t, "RS256", claims("mounted", "jti", "phone", "iat", now.Unix()))
	clients := map[string][2]*wiretest.Client{}
	for _, token := range []string{phone, laptop, bob, old, namesake} {
		clients[token] = [2]*wiretest.Client{arrive(t, r.pods[0].clients, token), arrive(t, r.pods[1].clients, token)}
	}
	both := func(token string) []*wiretest.Client { pair := clients[token]; return pair[:] }

	r.revoke(`{"id":"phone","entry":"shared"}`)
	r.ended(both(phone)...)
	r.refused(phone)
	for _, token := range []string{laptop, namesake} {
		stays(t, clients[token][0], "anna")
		stays(t, clients[token][1], "anna")
	}
	// A socket of another namespace goes with the connection of one that is revoked.
	c := arrive(t, r.pods[1].clients, namesake)
	c.Send("40/other," + byToken(r.token("sub", "ann")).auth)
	c.Receive()
	r.revoke(`{"user":"ann"}`)
	r.ended(c)

	answer, err := r.nats.Request(publish.RevocationSubject("default/revoking"), []byte(`{"user":"anna","entry":"shared"}`), time.Minute)
	if err != nil || string(answer.Data) != `{"ok":true}` {
		t.Fatalf("over NATS it is answered %v, %v", answer, err)
	}
	r.ended(both(laptop)...)
	r.refused(r.token("jti", "another"))
	stays(t, clients[namesake][0], "anna")
	r.revoke(`{"user":"anna","entry":"shared","lift":true}`)
	for _, p := range r.pods {
		eventually(t, "the revocation is lifted", func() bool { return byToken(laptop).answer(t, p.clients) == `["anna"]` })
	}
	r.refused(phone)

	r.revoke(fmt.Sprintf(`{"issuedBefore":%d}`, (now.Unix()-500)*1000))
	r.ended(both(old)...)
	r.refused(old)
	r.refused(r.token("sub", "someone")) // a token that does not say when
	stays(t, clients[bob][0], "bob")
	r.revoke(fmt.Sprintf(`{"user":"bob","issuedBefore":%d}`, (now.Unix()-50)*1000))
	r.ended(both(bob)...)
	r.refused(bob)
	r.admitted(r.token("sub", "bob", "iat", now.Unix()-49))
	stays(t, clients[namesake][1], "anna")
	if _, metrics := get(t, r.pods[0].ops+"/metrics"); !strings.Contains(metrics, `realtime_token_ends_total{entry="shared",reason="revoked"} 4`) {
		t.Errorf("the ends are not counted:\n%s", metrics)
	}
}

// The reference recovers a session by its private id alone: whoever was thrown out comes back
// (socket.io, issue 5491).
func TestARevokedTokenIsNotRecovered_5491(t *testing.T) {
	r := startRevokingReady(t)
	g := &wiretest.Guest{T: t, Token: r.token("jti", "first", "teams", []string{"red", "blue"})}
	g.Ask(r.pods[0].clients, enginePath)
	g.Answer()
	g.Wire.Send(`421["enter","team-red"]`, `422["enter","team-blue"]`)
	g.Wire.Expect(`431[]`, `432[]`)
	g.Wire.Close()
	r.revoke(`{"id":"first"}`)
	r.refused(g.Token)
	for _, p := range r.pods {
		g.Ask(p.clients, enginePath)
		g.Wire.Expect("44" + refusal("Unauthorized", "token_invalid"))
		g.Wire.Close()
	}
	expired := *g
	expired.Token = r.token("exp", time.Now().Add(-time.Minute).Unix())
	expired.Ask(r.pods[1].clients, enginePath)
	expired.Wire.Expect("44" + refusal("Unauthorized", "token_expired"))

	// With another token the user has the session, in the rooms that this token allows.
	g.Token = r.token("jti", "second", "teams", []string{"blue"})
	g.Ask(r.pods[1].clients, enginePath)
	if !g.Answer() {
		t.Error("with another token the session is not recovered")
	}
	g.Wire.Send(`421["rooms"]`)
	g.Wire.Expect(`431["team-blue"]`)
}

func TestARevokedTokenRenewsNothing(t *testing.T) {
	r := startRevokingReady(t)
	c := arrive(t, r.pods[0].clients, r.token("jti", "first"))
	r.revoke(`{"id":"second"}`)
	r.refused(r.token("jti", "second"))
	if got := renew(c, r.token("jti", "second")); got != `[{"error":{"code":"token_invalid"}}]` {
		t.Errorf("a revoked token is answered %s", got)
	}
	if got := renew(c, r.token("jti", "third")); !strings.HasPrefix(got, `[{"ok":true,`) {
		t.Errorf("another is answered %s", got)
	}
	r.revoke(`{"id":"first"}`)
	r.refused(r.token("jti", "first"))
	stays(t, c, "anna") // it has another token by now
	r.revoke(`{"id":"third"}`)
	r.ended(c)
}

func TestRevocationsThatAreRefused(t *testing.T) {
	r := startRevokingReady(t)
	for document, want := range map[string]string{
		`{}`: "400", `[]`: "400", `{"user":""}`: "400", `{"user":"a","id":"b"}`: "400", `{"id":"b","issuedBefore":1}`: "400",
		`{"issuedBefore":-1}`: "400", `{"issuedBefore":1764460800}`: "400", `{"users":"a"}`: "400", `{"user":"a","user":"b"}`: "400", `{"user":1}`: "400",
		`{"user":"` + strings.Repeat("u", 1025) + `"}`: "400", `{"user":"` + strings.Repeat("u", 16<<10) + `"}`: "413",
		`{"user":"` + strings.Repeat("ü", 512) + `"}`: "200",
	} {
		if got := post(t, r.pods[1].api, "/v1/revocations", "secret", document); !strings.HasPrefix(got, want) {
			t.Errorf("%.40s is answered %s, want %s", document, got, want)
		}
	}
	const none = `the service has no entry \"robots\", but [`
	for _, document := range []string{`{"entry":"robots","user":"a"}`, `{"entry":"robots","id":"b"}`, `{"entry":"robots","issuedBefore":1764460800000}`} {
		if got := post(t, r.pods[1].api, "/v1/revocations", "secret", document); !strings.HasPrefix(got, "400") || !strings.Contains(got, none) {
			t.Errorf("%s is answered %s", document, got)
		}
		answer, err := r.nats.Request(publish.RevocationSubject("default/revoking"), []byte(document), 10*time.Second)
		if err != nil || !strings.Contains(string(answer.Data), none) {
			t.Errorf("%s is answered %s, %v", document, answer.Data, err)
		}
	}
	// What an entry that is gone has left can be lifted.
	if got := post(t, r.pods[1].api, "/v1/revocations", "secret", `{"entry":"robots","user":"a","lift":true}`); !strings.HasPrefix(got, "200") {
		t.Errorf("a lift is answered %s", got)
	}
	if got := post(t, r.pods[1].api, "/v1/revocations", "guess", `{"user":"a"}`); !strings.HasPrefix(got, "401") {
		t.Errorf("without a token it is answered %s", got)
	}
}

// A gateway that has not read the revocations cannot tell whether a token is one of them. It tells
// clients that it cannot, and is not asked by those without a token.
func TestAGatewayThatCannotReadRevocations(t *testing.T) {
	leakCheck(t)
	r := startRevoking(t, natstest.Start(t, nil).ClientURL()) // without JetStream
	for _, p := range r.pods {
		await(t, p.ops+"/metrics", func(_ int, body string) bool { return strings.Contains(body, "\nrealtime_revocations_current 0\n") })
		if got := byToken(r.token()).answer(t, p.clients); got != refusal("Unauthorized", "unavailable") {
			t.Errorf("answered %s", got)
		}
	}
	if got := post(t, r.pods[0].api, "/v1/revocations", "secret", `{"user":"a"}`); !strings.HasPrefix(got, "503") {
		t.Errorf("answered %s", got)
	}
}

// admittedIn is how many clients have been admitted by the entry shared.
func admittedIn(metrics string) (n int) {
	_, rest, _ := strings.Cut(metrics, `realtime_authentication_total{entry="shared",result="ok"} `)
	_, _ = fmt.Sscan(rest, &n) // nobody yet
	return n
}

// While JetStream is away, gateways judge by what they know; and if it comes back without its disk,
// they store that again.
func TestRevocationsOutliveNATS(t *testing.T) {
	leakCheck(t)
	server := natstest.StartRestartable(t)
	r := startRevoking(t, server.ClientURL())
	current := func(want string) {
		t.Helper()
		for _, p := range r.pods {
			await(t, p.ops+"/metrics", func(_ int, body string) bool {
				return strings.Contains(body, "\nrealtime_revocations_current "+want+"\n")
			})
		}
	}
	current("1")
	r.revoke(`{"user":"bob"}`)
	bob := r.token("sub", "bob")
	r.refused(bob)
	server.Stop()
	current("0")
	r.refused(bob)
	for _, p := range r.pods { // others are not; their sessions cannot be stored, so that they wait
		_, metrics := get(t, p.ops+"/metrics") // some may have been admitted before the token was revoked
		before := admittedIn(metrics)
		wiretest.Dial(t, p.clients, enginePath, "", nil).Send("40" + byToken(r.token()).auth)
		await(t, p.ops+"/metrics", func(_ int, body string) bool { return admittedIn(body) > before })
	}
	server.Options.StoreDir = t.TempDir()
	server.Start()
	current("1")
	r.refused(bob)
	nc, err := nats.Connect(server.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is stored again", func() bool {
		bucket, err := js.KeyValue(t.Context(), revocation.BucketName("default/revoking"))
		if err != nil {
			return false
		}
		keys, err := bucket.Keys(t.Context())
		return err == nil && len(keys) == 1
	})
}

// docs/operations/nats.md lists what a gateway must be permitted.
func TestRevocationsTakeThePermissionsThatAreDocumented(t *testing.T) {
	leakCheck(t)
	both := []string{"rts.>", "realtime.>", "_INBOX.>"}
	server := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), Users: []*natsserver.User{{
		Username: "gateway", Password: "secret",
		Permissions: &natsserver.Permissions{
			Publish:   &natsserver.SubjectPermission{Allow: append([]string{"rtslog.>", "$JS.API.>", "$KV.>", "$JS.FC.>"}, both...)},
			Subscribe: &natsserver.SubjectPermission{Allow: append([]string{"$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.>"}, both...)},
		},
	}}})
	r := startRevoking(t, strings.Replace(server.ClientURL(), "nats://", "nats://gateway:secret@", 1))
	for _, p := range r.pods {
		await(t, p.ops+"/readyz", ready)
	}
	c := arrive(t, r.pods[1].clients, r.token("sub", "bob"))
	r.revoke(`{"user":"bob"}`)
	r.ended(c)
	r.refused(r.token("sub", "bob"))
}
