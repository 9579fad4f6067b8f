// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const expiring = `# %s
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: expiring}
spec:
  recovery: {maxDisconnection: 1m}
  authentication:
  - name: shared
    jwt: {issuer: https://shared.example, audiences: [chat], hmac: {secretRef: {name: shared-keys}}, leeway: 100ms}
    onExpiry: {warn: 300ms, grace: 200ms}
  - name: kept
    jwt: {issuer: https://mounted.example, audiences: [chat], jwks: {secretRef: {name: issuer-keys}}, leeway: 100ms}
    onExpiry: {action: Keep}
  namespaces:
  - name: /
    authentication: [shared, kept]
    rooms:
    - {name: "team-{team}", allow: {join: "room.params.team in socket.claims.teams"}}
    handlers:
    - {event: who, do: [{ack: "[socket.user, socket.claims.teams, socket.rooms.filter(r, r.startsWith('team')).size()]"}]}
    - {event: heard, do: [{ack: "[socket.data.seen]"}]}
    - {event: enter, do: [{join: "args[0]"}]}
    - {event: '*', do: [{set: {seen: "has(socket.data.seen) ? socket.data.seen + [event] : [event]"}}]}
  - name: /other
    authentication: [shared]
    anonymous: true
  - name: /free
    handlers: [{event: renew_token, do: [{ack: "['mine']"}]}]
`

// in is a time from now, as a claim.
func in(d time.Duration) float64 { return float64(time.Now().Add(d).UnixMilli()) / 1000 }

// arrive connects to the main namespace.
func arrive(t *testing.T, url, token string) *wiretest.Client {
	t.Helper()
	c := wiretest.Dial(t, url, enginePath, "", nil)
	c.Send("40" + byToken(token).auth)
	if answer := c.Receive(); !strings.HasPrefix(answer, "40{") {
		t.Fatalf("answered %s", answer)
	}
	return c
}

// expectWarning wants token_expires next, for a token that expires at a time.
func expectWarning(t *testing.T, c *wiretest.Client, expires float64) {
	t.Helper()
	packet := c.Receive()
	list, ok := strings.CutPrefix(packet, `42["token_expires",`)
	var warning struct{ ExpiresAt, In int64 }
	if err := json.NewDecoder(strings.NewReader(list)).Decode(&warning); !ok || err != nil {
		t.Fatalf("received %s", packet)
	}
	if off := warning.ExpiresAt - int64(expires*1000); off < -1 || off > 1 || warning.In < 0 || warning.In > 300 {
		t.Errorf("received %s for a token that expires at %f", packet, expires)
	}
}

func TestAConnectionEndsAfterItsToken(t *testing.T) {
	i := newIssuers(t)
	pods := i.gatewaysOf(t, expiring)
	kept := arrive(t, pods[0].clients, i.rsa.Sign(t, "RS256", claims("mounted", "exp", in(400*time.Millisecond), "teams", []string{})))
	expires := in(700 * time.Millisecond)
	old := i.shared.Sign(t, "HS256", claims("shared", "exp", expires, "teams", []string{"a"}))
	g := &wiretest.Guest{T: t, Token: old}
	g.Ask(pods[0].clients, enginePath)
	g.Answer()
	expectWarning(t, g.Wire, expires)
	if rest := g.Wire.ExpectClosed(); len(rest) > 0 {
		t.Errorf("before the end came %q, want nothing", rest) // 41 would keep a stock client away
	}
	if now := in(0); now < expires+0.198 {
		t.Errorf("the connection has ended at %f, the token expires at %f", now, expires)
	}
	if got := byToken(old).answer(t, pods[1].clients); got != refusal("Unauthorized", "token_expired") {
		t.Errorf("with the same token it is answered %s", got)
	}
	g.Token = i.shared.Sign(t, "HS256", claims("shared", "teams", []string{"a"}))
	g.Ask(pods[1].clients, enginePath)
	if !g.Answer() {
		t.Error("with a new token, the session is not recovered")
	}
	kept.Send(`421["who"]`)
	kept.Expect(`431["anna",[],0]`)
	if _, metrics := get(t, pods[0].ops+"/metrics"); !strings.Contains(metrics, `realtime_token_ends_total{entry="shared",reason="expired"} 1`) {
		t.Error("the end is not counted")
	}
}

// The manifest may say later that clients go with their tokens.
func TestAReloadEndsConnectionsOfExpiredTokens(t *testing.T) {
	i := newIssuers(t)
	p := i.gatewaysOf(t, expiring)[0]
	expires := in(200 * time.Millisecond)
	kept := arrive(t, p.clients, i.rsa.Sign(t, "RS256", claims("mounted", "exp", expires, "teams", []string{})))
	svc, err := manifest.Load(t.Context(), fmt.Appendf(nil, strings.Replace(expiring, "action: Keep", "grace: 100ms", 1), i.url))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.config, render(t, svc), 0o600); err != nil {
		t.Fatal(err)
	}
	kept.ExpectClosed()
	if now := in(0); now < expires+0.098 {
		t.Errorf("the connection has ended at %f, the token expires at %f", now, expires)
	}
}
