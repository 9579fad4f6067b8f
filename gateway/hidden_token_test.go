// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// A token is there until it is verified, and no expression tells it to anybody.
func TestNoExpressionSeesATokenInAuth(t *testing.T) {
	i := newIssuers(t)
	i.up.Store(true)
	text := strings.ReplaceAll(authenticated, "[socket.user, size(socket.claims) > 0]", "[socket.handshake.auth]")
	pods := i.gatewaysOf(t, text)
	shared := i.shared.Sign(t, "HS256", claims("shared"))
	remote := i.remote.Sign(t, "RS256", claims("remote", "email", "anna@example.com"))
	for name, row := range map[string]struct {
		attempt attempt
		want    string
	}{
		"a token":                         {byToken(shared), `[{}]`},
		"a token whose key is waited for": {byToken(remote), `[{}]`},
		"a token of a device":             {byToken(deviceToken), `[{}]`},
		"a token among others":            {attempt{auth: `{"a":1,"token":"` + shared + `","b":{"token":2}}`}, `[{"a":1,"b":{"token":2}}]`},
		"a second token":                  {attempt{auth: `{"token":"` + shared + `"}`, header: bearer(shared)}, `[{}]`},
		"an anonymous client":             {attempt{namespace: "/open", auth: `{"a":1}`}, `[{"a":1}]`},
		"where nobody looks for it":       {attempt{namespace: "/free", auth: `{"token":"t"}`}, `[{"token":"t"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := row.attempt.answer(t, pods[0].clients); got != row.want {
				t.Errorf("handlers see %s, want %s", got, row.want)
			}
		})
	}

	g := &wiretest.Guest{T: t, Token: shared}
	g.Ask(pods[0].clients, enginePath)
	g.Answer()
	g.Wire.Close()
	g.Ask(pods[1].clients, enginePath)
	if !g.Answer() {
		t.Fatal("the session is not recovered")
	}
	g.Wire.Send(`421["who"]`)
	if got := g.Wire.Receive(); strings.Contains(got, "token") || !strings.HasPrefix(got, `431[{`) {
		t.Errorf("of a client that has come back, handlers see %s", got)
	}
}
