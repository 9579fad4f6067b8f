//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// testAutoscaleOnConnections has clients come, of four times the target, and go again, while
// numbered messages are published: there are as many gateways as they need, each gets its share of
// the clients, the emptiest leave first, and everybody gets each message once.
func testAutoscaleOnConnections(t *testing.T) {
	const target, all, left = 40, 160, 20
	namespace := newNamespace(t, "connections")
	kubectl(t, "--namespace", namespace, "create", "secret", "generic", "publishers", "--from-literal=token=an-end-to-end-token")
	s := apply(t, namespace, edit(t, sample(t, "chat"), map[string]any{
		"spec.recovery":           map[string]any{"maxDisconnection": "2m"},
		"spec.api.tokenSecretRef": map[string]any{"name": "publishers"},
		"spec.gateway.resources":  map[string]any{"requests": map[string]any{"cpu": "40m", "memory": "64Mi"}},
		"spec.gateway.autoscaling": map[string]any{
			"minReplicas": int64(2), "maxReplicas": int64(8), "targetConnections": int64(target), "targetCPUUtilizationPercentage": int64(1000),
			"behavior":  map[string]any{"scaleDown": map[string]any{"stabilizationWindowSeconds": int64(20)}},
			"rebalance": map[string]any{"perSecond": int64(20), "minConnectedSeconds": int64(5)},
		},
	}))
	eventually(t, 90*time.Second, "two gateways are ready", func() error { return want("gateways", len(s.pods()), 2) })

	c, url, api := startClients(t), s.url(), s.publishURL()
	name := func(i int) string { return fmt.Sprintf("client-%d", i) }
	for i := range all {
		c.connect(name(i), url)
	}
	start, messages := c.mark(), 0
	// meanwhile waits like eventually, and has messages published.
	meanwhile := func(limit time.Duration, what string, look func() error) {
		t.Helper()
		eventually(t, limit, what, func() error {
			publish(t, api, fmt.Sprintf(`{"event":"numbered","args":[%d]}`, messages))
			messages++
			return look()
		})
	}
	meanwhile(2*time.Minute, "five gateways are ready", func() error { return want("gateways", len(s.pods()), 5) })
	meanwhile(5*time.Minute, "each has its share of the clients", func() error { return s.balanced(5, all) })
	t.Logf("%d reconnects of %d clients, after %d messages", c.count(start, "connect"), all, messages)

	for i := left; i < all; i++ {
		c.close(name(i))
	}
	var before map[string]int
	meanwhile(4*time.Minute, "two gateways are left", func() error {
		if now := s.connections(); len(now) == 5 { // the last orders to move clients may not be over yet
			before = now
		}
		return want("gateways", len(s.pods()), 2)
	})
	if err := want("connections before that", sum(before), left); err != nil {
		t.Fatal(err)
	}
	s.emptiestHaveLeft(before)

	meanwhile(time.Minute, "their clients are elsewhere", func() error { return want("connections", sum(s.connections()), left) })
	for i := range left {
		for n := range messages {
			c.waitSince(start, name(i), "numbered", 30*time.Second, func(args []any) bool { return args[0] == float64(n) })
		}
		if got := c.countOf(start, name(i), "numbered"); got != messages {
			t.Errorf("%s got %d messages, want %d", name(i), got, messages)
		}
	}
	t.Logf("%d messages to %d clients, %d reconnects", messages, left, c.count(start, "connect"))
}

// balanced is an error unless all gateways are there, and within 10% of the average.
func (s *service) balanced(gateways, clients int) error {
	s.t.Helper()
	now := s.connections()
	if len(now) != gateways || sum(now) != clients {
		return fmt.Errorf("the gateways have %v", now)
	}
	for _, n := range now {
		average := float64(clients) / float64(gateways)
		if off := float64(n) - average; max(off, -off) > average/10 {
			return fmt.Errorf("the gateways have %v", now)
		}
	}
	return nil
}

// emptiestHaveLeft fails the test if a gateway has left that had more clients than one that stays,
// by more than 10%.
func (s *service) emptiestHaveLeft(before map[string]int) {
	s.t.Helper()
	stay := s.pods()
	fewest := before[stay[0]]
	for _, pod := range stay {
		fewest = min(fewest, before[pod])
	}
	for pod, clients := range before {
		if !slices.Contains(stay, pod) && float64(clients)*0.9 > float64(fewest) {
			s.t.Errorf("%s has left with %d clients, and one with %d has stayed", pod, clients, fewest)
		}
	}
	s.t.Logf("the gateways had %v, and %v stay", before, stay)
}

func sum(numbers map[string]int) (total int) {
	for n := range maps.Values(numbers) {
		total += n
	}
	return total
}

// testAutoscaleWithoutMetrics shows what an autoscaler does that does not know the CPU use: it
// follows connections up, and not down.
func testAutoscaleWithoutMetrics(t *testing.T) {
	autoscaling := map[string]any{
		"minReplicas": int64(1), "maxReplicas": int64(4), "targetConnections": int64(5),
		"behavior": map[string]any{"scaleDown": map[string]any{"stabilizationWindowSeconds": int64(5)}},
	}
	manifest := edit(t, sample(t, "chat"), map[string]any{
		"spec.gateway.autoscaling": autoscaling,
		// Without a CPU request there is no CPU use in percent of it.
		"spec.gateway.resources": map[string]any{"requests": map[string]any{"memory": "64Mi"}},
	})
	s := apply(t, newNamespace(t, "no-metrics"), manifest)
	c, url := startClients(t), s.url()
	for i := range 10 {
		c.connect(fmt.Sprintf("client-%d", i), url)
	}
	eventually(t, 90*time.Second, "three gateways are ready", func() error { return want("gateways", len(s.pods()), 3) })
	for i := range 10 {
		c.close(fmt.Sprintf("client-%d", i))
	}
	condition := `.status.conditions[?(@.type=="ScalingLimited")].`
	eventually(t, 90*time.Second, "the service says what is amiss", func() error {
		return want("the reason", s.get(condition+"reason")+" "+s.get(".status.autoscaling.floor"), "NoMetrics 1")
	})
	t.Log(s.get(condition + "message"))
	if err := want("gateways", len(s.pods()), 3); err != nil {
		t.Error(err)
	}

	autoscaling["targetCPUUtilizationPercentage"] = int64(0)
	s.apply(edit(t, manifest, map[string]any{"spec.gateway.autoscaling": autoscaling}))
	eventually(t, 90*time.Second, "one gateway is left", func() error { return want("gateways", len(s.pods()), 1) })
	if output := s.kubectl("get", "hpa", "--output=name"); output != "" {
		t.Errorf("there is an autoscaler: %s", output)
	}
	if wide := s.kubectl("get", "rts", "--output=wide"); !strings.Contains(wide, "LOAD") || !strings.Contains(wide, "0/5") {
		t.Errorf("the service is shown as\n%s", wide)
	}
}
