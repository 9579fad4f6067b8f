//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// testNetworkPolicies has the network drop what spec.networkPolicy does not allow. These tests run
// outside of the cluster, so they are strangers; gateways, NATS and the operator are not.
func testNetworkPolicies(t *testing.T) {
	manifest := edit(t, withReplicas(t, sample(t, "chat"), 2), map[string]any{
		"spec.recovery": map[string]any{"maxDisconnection": "2m"},
	})
	s := apply(t, newNamespace(t, "policies"), manifest)
	eventually(t, 60*time.Second, "both gateways are ready", func() error { return want("gateways", len(s.pods()), 2) })
	for _, port := range []string{"3000", "9090", "7443"} {
		s.eventuallyReached("gateway", port, true)
	}
	for _, port := range []string{"4222", "8222"} {
		s.eventuallyReached("nats", port, true)
	}

	s.apply(edit(t, manifest, map[string]any{"spec.networkPolicy": map[string]any{}}))
	for _, port := range []string{"9090", "7443"} {
		s.eventuallyReached("gateway", port, false)
	}
	for _, port := range []string{"4222", "8222"} {
		s.eventuallyReached("nats", port, false)
	}
	s.eventuallyReached("gateway", "3000", true)
	s.checkWorks()

	// All pods anew, so that nothing is left of connections that were there before.
	s.kubectl("delete", "pods", "--all")
	s.kubectl("rollout", "status", "statefulset/"+s.name+"-nats", "--timeout=1m")
	s.kubectl("rollout", "status", "deployment/"+s.name+"-gateway", "--timeout=1m")
	s.checkWorks()

	tests := map[string]any{"ipBlock": map[string]any{"cidr": s.stranger() + "/32"}}
	nobody := map[string]any{"podSelector": map[string]any{"matchLabels": map[string]any{"app": "nobody"}}}
	s.apply(edit(t, manifest, map[string]any{"spec.networkPolicy": map[string]any{
		"clients": []any{nobody}, "monitoring": []any{tests}, "nats": []any{tests},
	}}))
	s.eventuallyReached("gateway", "3000", false)
	s.eventuallyReached("gateway", "9090", true)
	s.eventuallyReached("nats", "4222", true)
	s.eventuallyReached("gateway", "7443", false)
}

// checkWorks wants clients to chat across gateways, and the operator to know them.
func (s *service) checkWorks() {
	s.t.Helper()
	c := startClients(s.t)
	on := s.connectTo(2, c)
	pods := slices.Sorted(maps.Keys(on))
	c.emit(on[pods[0]], "join", "Ada")
	c.wait(on[pods[1]], "systemMessage", 20*time.Second, says("Ada"))
	eventually(s.t, 30*time.Second, "the operator reaches the gateways", func() error {
		total := 0
		for _, count := range s.connections() {
			total += count
		}
		return errors.Join(
			want("status.connections", s.number(".status.connections"), total),
			want("Configured", s.get(`.status.conditions[?(@.type=="Configured")].status`), "True"),
		)
	})
}

// eventuallyReached waits until a port of all pods of a component is reached from here, or of none.
func (s *service) eventuallyReached(component, port string, reached bool) {
	s.t.Helper()
	addresses := strings.Fields(s.kubectl("get", "pods", "--selector=app.kubernetes.io/component="+component, "--output=jsonpath={.items[*].status.podIP}"))
	eventually(s.t, 30*time.Second, fmt.Sprintf("port %s of each %s: reached is %t", port, component, reached), func() error {
		for _, address := range addresses {
			connection, err := net.DialTimeout("tcp", net.JoinHostPort(address, port), time.Second)
			if err == nil {
				connection.Close()
			}
			if err := want("whether port "+port+" of "+address+" is reached", err == nil, reached); err != nil {
				return err
			}
		}
		return want("whether there are pods", len(addresses) > 0, true)
	})
}

// stranger is the address that pods see of these tests.
func (s *service) stranger() string {
	s.t.Helper()
	pod := s.kubectl("get", "pods", "--output=jsonpath={.items[0].status.podIP}")
	connection, err := net.Dial("udp", net.JoinHostPort(pod, "9")) // which sends nothing
	if err != nil {
		s.t.Fatal(err)
	}
	defer connection.Close()
	return connection.LocalAddr().(*net.UDPAddr).IP.String()
}
