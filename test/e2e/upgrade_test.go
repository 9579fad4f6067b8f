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

// TestUpgrade installs an earlier commit by its own chart, and upgrades the operator, while a
// program publishes and clients chat: no gateway is replaced, and no client notices. Then the
// update of the gateways and NATS is requested: each client is sent away once, is recovered, and
// gets what was published, once and in order.
func TestUpgrade(t *testing.T) {
	const gateways = 3
	chatters := clientCount(t, 9)
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
	start := c.mark()
	load := &publisher{t: t, every: publishEvery(chatters), url: s.publishURL(), taken: map[string]bool{}}

	upgraded := make(chan error, 1)
	flags := append([]string{"upgrade"}, helmFlags(t, "../../charts/realtime-operator", setting(t, "IMAGE"))...)
	go func() {
		output, err := run(setting(t, "HELM"), "", flags...)
		if err != nil {
			err = fmt.Errorf("helm upgrade: %w\n%s", err, output)
		}
		upgraded <- err
	}()
	load.publishUntil(4*time.Minute, func() error { return s.standing("UpdateAvailable") })
	if err := <-upgraded; err != nil {
		t.Fatal(err)
	}
	steady := time.Now().Add(15 * time.Second) // the operator looks at a service every ten
	load.publishUntil(time.Minute, func() error {
		if time.Now().Before(steady) {
			return errors.New("it could still begin")
		}
		return nil
	})
	if now := s.pods(); !slices.Equal(slices.Sorted(slices.Values(now)), slices.Sorted(slices.Values(old))) {
		t.Errorf("the gateways were %v and are %v, though nobody has requested it", old, now)
	}
	if images := s.images(old); images != setting(t, "PREVIOUS_IMAGE") {
		t.Errorf("the gateways are of %s", images)
	}
	for _, name := range names {
		if n := c.countOf(start, name, "disconnect"); n != 0 {
			t.Errorf("%s was disconnected %d times by the update of the operator: %q", name, n, c.ways(start, name))
		}
	}

	s.kubectl("annotate", "rts/"+s.name, "realtime-operator.io/update=now")
	load.publishUntil(4*time.Minute, func() error {
		if !s.replaced(old, gateways) {
			return fmt.Errorf("the gateways were %v and are %v", old, s.pods())
		}
		return errors.Join(s.natsSettled(), s.standing("UpToDate"))
	})
	if images := s.images(s.pods()); images != setting(t, "IMAGE") {
		t.Errorf("the gateways are of %s", images)
	}
	for _, name := range names { // those told last may be on their way back
		c.waitSince(start, name, "connect", 20*time.Second, anything)
	}
	load.publish()
	last := load.published - 1
	for _, name := range names {
		c.waitSince(start, name, "numbered", 20*time.Second, func(args []any) bool { return args[0] == float64(last) })
		if n := c.countOf(start, name, "connect"); n != 1 {
			t.Errorf("%s reconnected %d times, want once: %q", name, n, c.ways(start, name))
		}
		if args := c.waitSince(start, name, "connect", time.Second, anything); args[0] != ids[name] {
			t.Errorf("%s was %s and has become %v: it was not recovered", name, ids[name], args[0])
		}
	}
	// An attempt that was not stored within 5 s, while NATS was replaced, was made again, and may
	// be stored behind later numbers.
	checkNumbers(t, slices.DeleteFunc(c.since(start, "numbered"), func(e clientEvent) bool { return !load.taken[fmt.Sprint(e.Args[:2])] }), names, last)
	s.checkPlaintextRefused()
	t.Logf("%d messages to each of %d clients; NATS is of generation %s", load.published, chatters,
		s.kubectl("get", "statefulset/"+s.name+"-nats", "--output=jsonpath={.metadata.generation}"))
}

// publisher publishes one number after another.
type publisher struct {
	t         *testing.T
	url       string
	every     time.Duration
	published int
	// taken are the attempts that were answered.
	taken map[string]bool
}

func (p *publisher) publish() {
	p.t.Helper()
	p.taken[fmt.Sprintf("[%d %d]", p.published, publishOnce(p.t, p.url, p.published))] = true
	p.published++
}

// publishUntil publishes at its pace until done finds nothing amiss.
func (p *publisher) publishUntil(patience time.Duration, done func() error) {
	p.t.Helper()
	pace := time.NewTicker(p.every)
	defer pace.Stop()
	for limit := time.Now().Add(patience); ; {
		for range 20 {
			<-pace.C
			p.publish()
		}
		err := done()
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			p.t.Fatalf("not within %v: %v", patience, err)
		}
	}
}

// standing is nil if the condition UpToDate has a reason.
func (s *service) standing(reason string) error {
	s.t.Helper()
	got := s.kubectl("get", "rts/"+s.name, `--output=jsonpath={.status.conditions[?(@.type=="UpToDate")].reason}`)
	return want("the reason of UpToDate", got, reason)
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
