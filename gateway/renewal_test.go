// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// renew shows a newer token, and returns the answer.
func renew(c *wiretest.Client, token string) string {
	c.Send(`429["renew_token",{"token":"` + token + `"}]`)
	return strings.TrimPrefix(c.Receive(), "439")
}

func TestAConnectedClientRenewsItsToken(t *testing.T) {
	i := newIssuers(t)
	p := i.gatewaysOf(t, expiring)[0]
	expires := in(800 * time.Millisecond)
	token := i.shared.Sign(t, "HS256", claims("shared", "exp", expires, "teams", []string{"a", "b"}))
	c, other := arrive(t, p.clients, token), arrive(t, p.clients, token)
	c.Send(`421["enter","team-a"]`, `422["enter","team-b"]`)
	c.Expect(`431[]`, `432[]`)
	expectWarning(t, c, expires)

	c.Send(`429["renew_token",{"token":"` + i.shared.Sign(t, "HS256", claims("shared", "exp", 4e9, "teams", []string{"b"})) + `"}]`)
	answer, left := c.Receive(), c.Receive() // the event is stored first, and comes then
	if want := `42["forbidden",{"room":"team-a","code":"forbidden","rule":"rooms[0].allow.join"}`; !strings.HasPrefix(left, want) {
		t.Errorf("received %s, want %s", left, want)
	}
	if want := `439[{"ok":true,"expires":4000000000000}]`; answer != want {
		t.Errorf("the renewal is answered %s, want %s", answer, want)
	}
	other.ExpectClosed() // who has not renewed its token
	c.Send(`421["who"]`, `422["heard"]`)
	c.Expect(`431["anna",["b"],1]`, `432[["enter","enter","who"]]`)
	if _, metrics := get(t, p.ops+"/metrics"); !strings.Contains(metrics, `realtime_token_renewals_total{result="ok"} 1`) {
		t.Error("the renewal is not counted")
	}
}

func TestRenewalsThatAreRefused(t *testing.T) {
	i := newIssuers(t)
	p := i.gatewaysOf(t, expiring)[0]
	sign := func(others ...any) string { return i.shared.Sign(t, "HS256", claims("shared", others...)) }
	c := arrive(t, p.clients, sign("teams", []string{"a"}))
	for _, test := range []struct{ name, token, code string }{
		{"another user's", sign("sub", "bob"), "forbidden"},
		{"another entry's, of a user with the same name", i.rsa.Sign(t, "RS256", claims("mounted")), "forbidden"},
		{"expired", sign("exp", in(-time.Minute)), "token_expired"},
		{"by another key", i.next.Sign(t, "HS256", claims("shared")), "token_invalid"},
		{"none", "", "token_missing"},
	} {
		if got, want := renew(c, test.token), `[{"error":{"code":"`+test.code+`"}}]`; got != want {
			t.Errorf("%s: %s, want %s", test.name, got, want)
		}
	}
	again := regexp.MustCompile(`^\[\{"error":\{"code":"rate_limited","retryAfter":(10000|9\d{3})\}\}\]$`)
	if got := renew(c, sign()); !again.MatchString(got) {
		t.Errorf("one more is answered %s", got)
	}
	c.Send(`421["who"]`)
	c.Expect(`431["anna",["a"],0]`)

	anonymous := wiretest.Dial(t, p.clients, enginePath, "", nil)
	anonymous.Join("/other")
	anonymous.Send(`42/other,9["renew_token",{"token":"` + sign() + `"}]`)
	anonymous.Expect(`43/other,9[{"error":{"code":"forbidden"}}]`)
	anonymous.Join("/free")
	anonymous.Send(`42/free,9["renew_token"]`)
	anonymous.Expect(`43/free,9["mine"]`) // where nobody asks for tokens, the name is free
}

// Each socket of a connection has an identity of its own.
func TestEachNamespaceHasItsOwnToken(t *testing.T) {
	i := newIssuers(t)
	p := i.gatewaysOf(t, expiring)[0]
	expires := in(700 * time.Millisecond)
	token := i.shared.Sign(t, "HS256", claims("shared", "exp", expires))
	c := arrive(t, p.clients, token)
	c.Send("40/other," + byToken(token).auth)
	if answer := c.Receive(); !strings.HasPrefix(answer, "40/other,{") {
		t.Fatalf("answered %s", answer)
	}
	if got := renew(c, i.shared.Sign(t, "HS256", claims("shared", "exp", 4e9))); got != `[{"ok":true,"expires":4000000000000}]` {
		t.Errorf("answered %s", got)
	}
	before := c.ExpectClosed()
	if len(before) != 1 || !strings.HasPrefix(before[0], `42/other,["token_expires",`) {
		t.Errorf("before the end came %q, want a warning in /other", before)
	}
}

// A client may show a token that expires sooner, and is warned of each token.
func TestARenewedTokenExpiresToo(t *testing.T) {
	i := newIssuers(t)
	p := i.gatewaysOf(t, expiring)[0]
	c := arrive(t, p.clients, i.shared.Sign(t, "HS256", claims("shared")))
	for range 2 {
		expires := in(450 * time.Millisecond)
		if got := renew(c, i.shared.Sign(t, "HS256", claims("shared", "exp", expires))); !strings.HasPrefix(got, `[{"ok":true,`) {
			t.Fatalf("answered %s", got)
		}
		expectWarning(t, c, expires)
	}
	c.ExpectClosed()
}
