// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/service/tenure"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// verifier says of tokens whose they are.
type verifier func(token string) (*identity.Statement, error)

func (v verifier) Verify(_ context.Context, token string) (*identity.Statement, error) {
	return v(token)
}

const leased = `
  recovery: {maxDisconnection: 1m}
  authentication:
  - name: members
    jwt: {issuer: i, audiences: [a], hmac: {secretRef: {name: keys}}, leeway: 100ms}
    onExpiry: {warn: 100ms, grace: 100ms}
  namespaces:
  - {name: /, authentication: [members]}
`

// A client that comes back by another connection ends the watch of the one before, of which only
// the gateway knows that it is still there.
func TestATakeoverEndsTheWatchOfAToken(t *testing.T) {
	expires := time.Now().Add(2 * time.Second)
	runtimes, urls := storingFor(t, verified(t, leased, verifier(func(token string) (*identity.Statement, error) {
		return &identity.Statement{Subject: token, Expires: expires}, nil
	})), 2, &socketio.Recovery{RunMiddlewares: true})
	watched := func() int { return runtimes[0].tenures.Len() + runtimes[1].tenures.Len() }
	var registries [2]*prometheus.Registry
	for i, r := range runtimes {
		registries[i] = prometheus.NewRegistry()
		r.tenures.Register(registries[i])
	}
	g := &wiretest.Guest{T: t, Token: "ann"}
	g.Ask(urls[0], path)
	g.Answer()
	for _, i := range []int{0, 0, 1, 1, 0} {
		g.Ask(urls[i], path)
		if !g.Answer() {
			t.Error("not recovered")
		}
	}
	wiretest.Await(t, "one socket is watched", func() bool { return watched() == 1 })
	if !time.Now().Before(expires) {
		t.Fatal("too late to tell more")
	}
	g.Wire.ExpectClosed()
	wiretest.Await(t, "no socket is watched", func() bool { return watched() == 0 })
	const want = "# HELP realtime_token_ends_total Sockets whose connections were closed since their tokens were not valid any more, " +
		"by the entry that had accepted the token and the reason: expired or revoked.\n" +
		"# TYPE realtime_token_ends_total counter\nrealtime_token_ends_total{entry=\"members\",reason=\"expired\"} 1\n"
	if err := testutil.GatherAndCompare(registries[0], strings.NewReader(want), "realtime_token_ends_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registries[1], "realtime_token_ends_total"); err != nil || n != 0 {
		t.Errorf("the other gateway has ended %d (%v)", n, err)
	}
}

// A socket may end while the watch of its token begins.
func TestNoWatchBeginsAfterTheEnd(t *testing.T) {
	r, url := runtimeOf(t, verified(t, leased, verifier(func(token string) (*identity.Statement, error) {
		s := &identity.Statement{Subject: "ann"}
		if token != "forever" {
			s.Expires = time.Now().Add(time.Hour)
		}
		return s, nil
	})))
	ended := make(chan struct{})
	r.tenures.Policy = func(string) tenure.Policy {
		r.EachNamespace(func(ns *socketio.Namespace) {
			for _, s := range ns.Sockets() {
				s.InTurn(func() { ended <- struct{}{} }) // after what begins the watch
				s.Supersede()
			}
		})
		return tenure.Default
	}
	enterAnd := func(token string, then ...string) {
		c := wiretest.Dial(t, url, path, "", nil)
		c.Send(append([]string{`40{"token":"` + token + `"}`}, then...)...)
		<-ended
		if n := r.tenures.Len(); n != 0 {
			t.Errorf("%s: %d sockets that have ended are watched", token, n)
		}
	}
	enterAnd("hour")
	enterAnd("forever", `421["renew_token",{"token":"hour"}]`)
}
