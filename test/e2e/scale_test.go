//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func testScale(t *testing.T) {
	s := apply(t, newNamespace(t, "scale"), withReplicas(t, sample(t, "chat"), 1))

	s.kubectl("scale", "rts/"+s.name, "--replicas=3")
	eventually(t, 60*time.Second, "three gateways are ready", func() error {
		return want("status.gateways", s.get(".status.gateways"), "3/3")
	})
	c := startClients(t)
	s.connectTo(3, c)

	mark := c.mark()
	s.kubectl("scale", "rts/"+s.name, "--replicas=1")
	eventually(t, 90*time.Second, "one gateway is left", func() error {
		pods := strings.Fields(s.kubectl("get", "pods", "--selector="+s.get(".status.selector"), "--output=name"))
		return want("the number of pods", len(pods), 1)
	})
	c.emit("client-0", "join", "Ada")
	c.waitSince(mark, "client-0", "systemMessage", 20*time.Second, says("Ada"))
}

// testAutoscale loads a gateway with chat until its CPU use, as metrics-server reports it, makes
// the autoscaler act.
func testAutoscale(t *testing.T) {
	s := apply(t, newNamespace(t, "autoscale"), edit(t, sample(t, "chat"), map[string]any{
		"spec.gateway.autoscaling": map[string]any{"minReplicas": int64(1), "maxReplicas": int64(3), "targetCPUUtilizationPercentage": int64(50)},
		"spec.gateway.resources":   map[string]any{"requests": map[string]any{"cpu": "40m", "memory": "64Mi"}},
	}))
	if err := want("gateways before the load", s.number(".status.readyReplicas"), 1); err != nil {
		t.Fatal(err)
	}

	// 100 messages a second to 40 clients are 4,000 deliveries a second: some percent of a core,
	// and the target is 2%.
	c := startClients(t)
	url := s.url()
	for i := range 40 {
		c.connect(fmt.Sprintf("client-%d", i), url)
	}
	c.emit("client-0", "join", "Ada")
	c.wait("client-0", "systemMessage", 5*time.Second, says("Ada"))
	c.order(map[string]any{"do": "load", "client": "client-0", "event": "chatMessage", "args": []any{"hello, all of you out there"}, "everyMillis": 10, "forMillis": 240_000})

	eventually(t, 4*time.Minute, "the autoscaler adds gateways", func() error {
		if ready := s.number(".status.readyReplicas"); ready < 2 {
			return fmt.Errorf("readyReplicas is %d; %s", ready, s.kubectl("get", "hpa", "--no-headers"))
		}
		return nil
	})
	c.order(map[string]any{"do": "unload"})
	eventually(t, 8*time.Minute, "the autoscaler takes them away", func() error {
		if replicas := s.number(".status.replicas"); replicas != 1 {
			return fmt.Errorf("replicas is %d; %s", replicas, s.kubectl("get", "hpa", "--no-headers"))
		}
		return nil
	})
}
