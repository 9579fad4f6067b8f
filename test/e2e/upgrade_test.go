//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestUpgrade installs an earlier commit by its own chart, and upgrades the operator, and by that
// the gateways and NATS, while a program publishes and clients chat: each client is sent away once,
// is recovered, and gets what was published, once and in order.
func TestUpgrade(t *testing.T) {
	const gateways, chatters = 3, 9
	helmInstall(t, setting(t, "PREVIOUS_CHART"), setting(t, "PREVIOUS_IMAGE"))
	size := newNamespaceWithVolume(t, "upgrade", "chat-nats")
	kubectl(t, "--namespace", "upgrade", "create", "secret", "generic", "publishers", "--from-literal=token=an-end-to-end-token")
	s := apply(t, "upgrade", edit(t, withReplicas(t, sample(t, "chat"), gateways), map[string]any{
		"spec.recovery": map[string]any{
			"maxDisconnection": "5m",
			"storage":          map[string]any{"persistent": true, "size": size},
		},
		"spec.api.tokenSecretRef": map[string]any{"name": "publishers"},
	}))
	eventually(t, 60*time.Second, "all gateways are ready", func() error { return want("gateways", len(s.pods()), gateways) })
	old := s.pods()
	c := startClients(t)
	names, ids := s.chatters(c, chatters)
	api := s.publishURL()
	start := c.mark()

	upgraded := make(chan error, 1)
	flags := append([]string{"upgrade"}, helmFlags(t, "../../charts/realtime-operator", setting(t, "IMAGE"))...)
	go func() {
		output, err := run(setting(t, "HELM"), "", flags...)
		if err != nil {
			err = fmt.Errorf("helm upgrade: %w\n%s", err, output)
		}
		upgraded <- err
	}()
	pace := time.NewTicker(publishEvery)
	defer pace.Stop()
	published, taken := 0, map[string]bool{}
	publish := func() { taken[fmt.Sprintf("[%d %d]", published, publishOnce(t, api, published))] = true }
	for limit := time.Now().Add(4 * time.Minute); published%50 != 0 || !s.replaced(old, gateways) || s.natsSettled() != nil; published++ {
		if time.Now().After(limit) {
			t.Fatalf("the gateways were %v and are %v; NATS: %v", old, s.pods(), s.natsSettled())
		}
		<-pace.C
		publish()
	}
	if err := <-upgraded; err != nil {
		t.Fatal(err)
	}
	for _, name := range names { // those told last may be on their way back
		c.waitSince(start, name, "connect", 20*time.Second, anything)
	}
	publish()
	for _, name := range names {
		c.waitSince(start, name, "numbered", 20*time.Second, func(args []any) bool { return args[0] == float64(published) })
		if n := c.countOf(start, name, "connect"); n != 1 {
			t.Errorf("%s reconnected %d times, want once: %q", name, n, c.ways(start, name))
		}
		if args := c.waitSince(start, name, "connect", time.Second, anything); args[0] != ids[name] {
			t.Errorf("%s was %s and has become %v: it was not recovered", name, ids[name], args[0])
		}
	}
	// An attempt that was not stored within 5 s, while NATS was replaced, was made again, and may
	// be stored behind later numbers.
	checkNumbers(t, slices.DeleteFunc(c.since(start, "numbered"), func(e clientEvent) bool { return !taken[fmt.Sprint(e.Args[:2])] }), names, published)
	s.checkPlaintextRefused()
	t.Logf("%d messages to each of %d clients; NATS is of generation %s", published+1, chatters,
		s.kubectl("get", "statefulset/"+s.name+"-nats", "--output=jsonpath={.metadata.generation}"))
}

// natsSettled is nil when NATS takes no plaintext any more, and its pod is of the newest template
// and ready.
func (s *service) natsSettled() error {
	s.t.Helper()
	config := s.kubectl("get", "configmap/"+s.name+"-nats-config", "--output=jsonpath={.data}")
	if !strings.Contains(config, "tls {") || strings.Contains(config, "allow_non_tls") {
		return errors.New("it takes plaintext")
	}
	set := s.kubectl("get", "statefulset/"+s.name+"-nats",
		"--output=jsonpath={.metadata.generation} {.status.observedGeneration} {.status.updatedReplicas} {.status.readyReplicas} {.status.currentRevision} {.status.updateRevision}")
	fields := strings.Fields(set)
	if len(fields) != 6 || fields[0] != fields[1] || fields[2] != "1" || fields[3] != "1" || fields[4] != fields[5] {
		return fmt.Errorf("its StatefulSet is %q", set)
	}
	return nil
}
