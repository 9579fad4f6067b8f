// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const (
	adaToken = "token-of-ada-long-enough"
	bobToken = "token-of-bob-long-enough"
)

// limitedGateways are two gateways of a service with limits for users.
func limitedGateways(t *testing.T, limits string) [2]*pod {
	t.Helper()
	leakCheck(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "members"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"ada": adaToken, "bob": bobToken} {
		if err := os.WriteFile(filepath.Join(dir, "members", name), []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	svc, err := manifest.Load(t.Context(), []byte(`
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: limited, namespace: default}
spec:
  recovery: {}
  authentication: [{name: members, tokens: {secretRef: {name: members}}}]
  limits: {perUser: {`+limits+`}}
  namespaces:
  - name: /
    authentication: [members]
    handlers: [{event: say, do: [{ack: "['ok']"}]}]
`))
	if err != nil {
		t.Fatal(err)
	}
	nats := natstest.StartJetStream(t).ClientURL()
	var pods [2]*pod
	for n := range pods {
		pods[n] = startWith(t, nats, 0, render(t, svc), func(o *RunOptions) { o.AuthenticationDir = dir })
		await(t, pods[n].ops+"/readyz", ready)
	}
	return pods
}

func guestOf(t *testing.T, p *pod, token string) *wiretest.Guest {
	t.Helper()
	g := &wiretest.Guest{T: t, Token: token}
	g.Ask(p.clients, enginePath)
	g.Answer()
	return g
}

// awaitRefusal waits until a gateway has heard that a user has no connection left.
func awaitRefusal(t *testing.T, p *pod) {
	t.Helper()
	awaitAnswer(t, p, `44{"message":"Too many connections","data":{"code":"too_many_connections"}}`)
}

func awaitAnswer(t *testing.T, p *pod, prefix string) {
	t.Helper()
	wiretest.Await(t, "a connection is answered "+prefix, func() bool {
		c := wiretest.Dial(t, p.clients, enginePath, "", nil)
		defer c.Close()
		c.Send(`40{"token":"` + adaToken + `"}`)
		answer := c.Receive()
		c.Send("1") // so that the gateway counts it no more, if it was admitted
		c.ExpectClosed()
		return strings.HasPrefix(answer, prefix)
	})
}

func TestConnectionsOfAUserAreCountedOnAllGateways(t *testing.T) {
	pods := limitedGateways(t, "connections: 2")
	here, there := guestOf(t, pods[0], adaToken), guestOf(t, pods[1], adaToken)
	for _, p := range pods {
		awaitRefusal(t, p)
		guestOf(t, p, bobToken)
	}
	there.Wire.Close()
	awaitAnswer(t, pods[0], "40{")
	here.Wire.Close()
}

// The gateway that a client has left without a word still counts its connection.
func TestAClientThatComesBackElsewhereIsCountedOnce(t *testing.T) {
	pods := limitedGateways(t, "connections: 2")
	one, two := guestOf(t, pods[0], adaToken), guestOf(t, pods[0], adaToken)
	for range 2 {
		for _, p := range []*pod{pods[1], pods[0]} {
			awaitRefusal(t, p)
			for _, g := range []*wiretest.Guest{one, two} {
				former := g.Wire
				g.Ask(p.clients, enginePath)
				if !g.Answer() {
					t.Error("its session is not recovered")
				}
				former.ExpectClosed()
			}
		}
	}
	awaitRefusal(t, pods[0])
	one.Wire.Close()
	awaitAnswer(t, pods[1], "40{")
}

// A stock client does not try again after a refusal: one that closes a page, and opens it again, is
// let in although the gateway still counts the former connection to another one.
func TestAPlaceThatWasJustGivenUpElsewhereIsFree(t *testing.T) {
	pods := limitedGateways(t, "connections: 1")
	former := guestOf(t, pods[0], adaToken)
	awaitRefusal(t, pods[1])
	former.Wire.Send("1")
	former.Wire.ExpectClosed()
	next := wiretest.Dial(t, pods[1].clients, enginePath, "", nil)
	next.Send(`40{"token":"` + adaToken + `"}`)
	if answer := next.Receive(); !strings.HasPrefix(answer, "40{") {
		t.Errorf("answered %s", answer)
	}
}

func TestConnectionsOfAGatewayThatLeavesAreFree(t *testing.T) {
	pods := limitedGateways(t, "connections: 1")
	guestOf(t, pods[0], adaToken)
	awaitRefusal(t, pods[1])
	pods[0].stop()
	awaitAnswer(t, pods[1], "40{")
}

func TestTheRateOfAUserHoldsOnAllGateways(t *testing.T) {
	pods := limitedGateways(t, "events: {rate: 1, burst: 600}")
	here, there := guestOf(t, pods[0], adaToken).Wire, guestOf(t, pods[1], adaToken).Wire
	bob := guestOf(t, pods[1], bobToken).Wire
	say := func(c *wiretest.Client) string {
		c.Send(`421["say"]`)
		return c.Receive()
	}
	for range 600 {
		if answer := say(here); answer != `431["ok"]` {
			t.Fatalf("within the burst, answered %s", answer)
		}
	}
	said := 0
	wiretest.Await(t, "the other gateway knows", func() bool {
		said++
		return strings.HasPrefix(say(there), `431[{"error":{"code":"rate_limited","limit":"perUser.events"`)
	})
	if said >= 600 {
		t.Errorf("the other gateway has let %d through, of a burst of its own", said)
	}
	if answer := say(bob); answer != `431["ok"]` {
		t.Errorf("another user is answered %s", answer)
	}
}
