// SPDX-License-Identifier: Apache-2.0

package service

import (
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Others see what the newer token says.
func TestPresenceFollowsARenewedToken(t *testing.T) {
	users := maps.Clone(clubMembers)
	users["three"] = `{"tokens":["token-of-the-third"],"claims":{"level":3,"name":"bob"}}`
	_, url := runtimeOf(t, members(t, club, users))
	eve, _ := enter(t, url, "token-of-the-sixth")
	eve.Expect(`42["hello","vip"]`)
	bob, _ := enter(t, url, "token-of-the-second")
	bob.Expect(`42["hello","bob"]`)
	ask(t, bob, `["enter"]`, `["in"]`)
	eve.Send(`421["enter"]`)
	seen := func(level string) {
		for !strings.Contains(eve.Receive(), `{"level":`+level+`,"who":"bob"}`) {
		}
	}
	seen("2.50")
	ask(t, bob, `["renew_token",{"token":"token-of-the-third"}]`, `[{"ok":true}]`)
	seen("3")
	ask(t, bob, `["renew_token",{"token":"token-of-the-sixth"}]`, `[{"error":{"code":"forbidden"}}]`)
	ask(t, bob, `["renew_token",{"token":"token-of-the-first"}]`, `[{"error":{"code":"forbidden"}}]`)
}

// A token may be revoked between its judgment and the moment at which its socket can be found.
func TestATokenThatIsRevokedMeanwhile(t *testing.T) {
	users := maps.Clone(clubMembers)
	users["three"] = `{"tokens":["token-of-the-third"],"claims":{"level":3,"name":"bob"}}`
	r, url := runtimeOf(t, members(t, club, users))
	var judged atomic.Int32
	var last int32
	r.revoked = func(*socketio.Identity) error {
		if judged.Add(1) >= last {
			return identity.Refuse(identity.TokenInvalid, "the token is revoked")
		}
		return nil
	}
	last = 2 // as it connects, and once it is there
	c, answer := enter(t, url, "token-of-the-second")
	if !strings.HasPrefix(answer, "40{") {
		t.Errorf("answered %s", answer)
	}
	c.ExpectClosed()
	judged.Store(0)
	last = 4 // and as it renews its token, and once it has another
	c, _ = enter(t, url, "token-of-the-second")
	c.Expect(`42["hello","bob"]`)
	c.Send(`421["renew_token",{"token":"token-of-the-third"}]`)
	c.ExpectClosed()
	if n := judged.Load(); n != 4 {
		t.Errorf("judged %d times", n)
	}
}

// A manifest that comes into force while somebody verifies a token judges it.
func TestARenewalIsJudgedByTheManifestInForce(t *testing.T) {
	const free = "  recovery: {maxDisconnection: 1m}\n  namespaces: [{name: /}]\n"
	const forbidden = `431[{"error":{"code":"forbidden"}}]`
	for name, test := range map[string]struct{ next, answer string }{
		"the same":         {leased, `431[{"ok":true}]`},
		"one that refuses": {strings.Replace(leased, "onExpiry", "allow: 'has(claims.paid)'\n    onExpiry", 1), forbidden},
		"one for all":      {free, forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			asked, release := make(chan struct{}, 2), make(chan struct{})
			v := verifier(func(token string) (*identity.Statement, error) {
				if token == "newer" {
					asked <- struct{}{}
					<-release
				}
				return &identity.Statement{Subject: "ann", Claims: []byte(`{"token":"` + token + `"}`)}, nil
			})
			r, url := runtimeOf(t, verified(t, leased, v))
			c, _ := enter(t, url, "older")
			c.Send(`421["renew_token",{"token":"newer"}]`)
			<-asked
			r.Apply(verified(t, test.next, v))
			close(release)
			c.Expect(test.answer)
			want := `{"token":"older"}`
			if test.answer != forbidden {
				want = `{"token":"newer"}`
			}
			r.EachNamespace(func(ns *socketio.Namespace) {
				if got := string(ns.Sockets()[0].Identity().Claims); got != want {
					t.Errorf("the claims are %s, want %s", got, want)
				}
			})
		})
	}
}
