//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// testRecovery publishes numbered messages while one gateway after the other is killed: its clients
// are back elsewhere, and everybody gets each message once.
func testRecovery(t *testing.T) {
	const enough, messages = 12, 60
	manifest := edit(t, withReplicas(t, sample(t, "chat"), 2), map[string]any{
		"spec.recovery":           map[string]any{"maxDisconnection": "2m"},
		"spec.api.tokenSecretRef": map[string]any{"name": "publishers"},
	})
	namespace := newNamespace(t, "recovery")
	kubectl(t, "--namespace", namespace, "create", "secret", "generic", "publishers", "--from-literal=token=an-end-to-end-token")
	s := apply(t, namespace, manifest)
	eventually(t, 60*time.Second, "both gateways are ready", func() error { return want("gateways", len(s.pods()), 2) })
	gateways := s.pods()
	c := startClients(t)
	url := s.url()
	name := func(i int) string { return fmt.Sprintf("client-%d", i) }
	_, clients := s.connectAll(2, c) // for a moment kube-proxy may know one gateway alone
	for ; clients < enough; clients++ {
		c.connect(name(clients), url)
	}
	api := s.publishURL()
	start := c.mark()
	for n := range messages {
		if n == messages/4 || n == messages/2 {
			lost := c.count(start, "disconnect")
			s.kubectl("delete", "pod", gateways[0], "--grace-period=0", "--force")
			gateways = gateways[1:]
			eventually(t, 60*time.Second, "its clients notice", func() error {
				return want("whether some have lost their gateway", c.count(start, "disconnect") > lost, true)
			})
		}
		if n == messages/2-1 {
			eventually(t, 60*time.Second, "both gateways are ready again", func() error { return want("gateways", len(s.pods()), 2) })
		}
		publish(t, api, fmt.Sprintf(`{"event":"numbered","args":[%d]}`, n))
	}
	for i := range clients {
		next := 0.0
		for range messages {
			// Each event has its offset behind its number.
			args := c.waitSince(start, name(i), "numbered", 60*time.Second, func(args []any) bool { return args[0] == next })
			if len(args) != 2 {
				t.Errorf("%s got %v, without an offset", name(i), args)
			}
			next++
		}
	}
	if got := c.count(start, "numbered"); got != clients*messages {
		t.Errorf("the clients got %d messages, want %d", got, clients*messages)
	}
	if c.count(start, "connect") == 0 {
		t.Error("nobody lost a gateway: the test shows nothing")
	}
	t.Logf("%d messages to %d clients, %d reconnects", messages, clients, c.count(start, "connect"))
}

// publish publishes until it is taken: a gateway that has just been killed does not answer.
func publish(t *testing.T, url, document string) {
	t.Helper()
	eventually(t, 60*time.Second, "the API takes "+document, func() error { return tryPublish(url, document) })
}
