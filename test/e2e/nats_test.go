//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// testDeletedNATS kills NATS while clients chat: nobody is disconnected, and each gets each message
// once. A client that was away before finds its session and what it has missed in the log, which
// outlives NATS's pod on a disk.
func testDeletedNATS(t *testing.T) {
	const clients, messages = 6, 80
	size := newNamespaceWithVolume(t, "nats", "chat-nats")
	s := apply(t, "nats", edit(t, withReplicas(t, sample(t, "chat"), 2), map[string]any{
		"spec.recovery": map[string]any{
			"maxDisconnection": "5m",
			"storage":          map[string]any{"persistent": true, "size": size},
		},
	}))
	eventually(t, 60*time.Second, "both gateways are ready", func() error { return want("gateways", len(s.pods()), 2) })
	gateways, nats := s.gatewayProcesses(), s.kubectl("get", "pod/chat-nats-0", "--output=jsonpath={.metadata.uid}")

	c := startClients(t)
	name := func(i int) string { return fmt.Sprintf("client-%d", i) }
	for i := range clients {
		c.connect(name(i), s.url())
	}
	c.connect("away", s.url())
	away := c.wait("away", "connect", time.Second, anything)[0]
	c.emit(name(0), "join", "Ada")
	c.wait("away", "systemMessage", 20*time.Second, says("Ada"))

	start := c.mark()
	number := func(i int) string { return fmt.Sprintf("message %d", i) }
	said := func(i int) func([]any) bool {
		return func(args []any) bool { return text(args) == number(i) }
	}
	pace := time.NewTicker(200 * time.Millisecond)
	defer pace.Stop()
	for n := range messages {
		switch n {
		case 5:
			c.waitSince(start, "away", "newMessage", 20*time.Second, said(4))
			c.order(map[string]any{"do": "lose", "client": "away"})
			c.waitSince(start, "away", "disconnect", 10*time.Second, anything)
		case messages / 4: // what the client that is away has missed until now is only in the log
			c.waitSince(start, name(1), "newMessage", 20*time.Second, said(n-1))
			s.kubectl("delete", "pod/chat-nats-0", "--grace-period=0", "--force", "--wait=false")
		}
		c.emit(name(0), "chatMessage", number(n))
		<-pace.C
	}
	for i := range clients {
		c.waitSince(start, name(i), "newMessage", 60*time.Second, said(messages-1))
	}
	eventually(t, 60*time.Second, "another NATS is ready", func() error {
		uid := s.kubectl("get", "pod", "--selector=app.kubernetes.io/component=nats", "--output=jsonpath={.items[*].metadata.uid}")
		if uid == "" || uid == nats {
			return fmt.Errorf("NATS is pod %q, and was %q", uid, nats)
		}
		s.kubectl("wait", "pod/chat-nats-0", "--for=condition=Ready", "--timeout=60s")
		return nil
	})
	eventually(t, 60*time.Second, "the service is Ready", func() error {
		return want("Ready", s.get(`.status.conditions[?(@.type=="Ready")].status`), "True")
	})

	back := c.mark()
	c.order(map[string]any{"do": "return", "client": "away"})
	if id := c.waitSince(back, "away", "connect", 20*time.Second, anything)[0]; id != away {
		t.Errorf("the client that was away is socket %v, and was %v: its session is lost", id, away)
	}
	c.waitSince(back, "away", "newMessage", 20*time.Second, said(messages-1))
	heard := c.heard(start)
	for _, client := range append([]string{"away"}, names(clients, name)...) {
		if got := heard[client]; strings.Join(got, "\n") != strings.Join(names(messages, number), "\n") {
			t.Errorf("%s got %d messages, want %d, each once and in order: %q", client, len(got), messages, got)
		}
	}
	if lost := c.count(start, "disconnect"); lost != 1 {
		t.Errorf("%d connections were lost, want that of the client that was told to go", lost)
	}
	if now := s.gatewayProcesses(); now != gateways {
		t.Errorf("gateways, and how often they have started again, are %q, and were %q", now, gateways)
	}
}

// newNamespaceWithVolume makes a Kubernetes namespace, and a volume for its claim of a name, unless
// the cluster makes such by itself. It returns the volume's size.
func newNamespaceWithVolume(t *testing.T, namespace, claim string) (size string) {
	t.Helper()
	size = "64Mi"
	if kubectl(t, "get", "storageclasses", "--output=name") != "" {
		newNamespace(t, namespace)
		return size
	}
	folder := t.TempDir() // the node of hack/cluster sees the files of this machine
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	volume := fmt.Sprintf(`{apiVersion: v1, kind: PersistentVolume, metadata: {name: %[1]s-%[2]s}, spec: {
  capacity: {storage: %[3]s}, accessModes: [ReadWriteOnce], persistentVolumeReclaimPolicy: Retain,
  claimRef: {namespace: %[1]s, name: %[2]s}, hostPath: {path: %[4]q, type: Directory}}}`, namespace, claim, size, folder)
	t.Cleanup(func() { // after that of the namespace
		kubectl(t, "wait", "namespace/"+namespace, "--for=delete", "--timeout=2m")
		kubectl(t, "delete", "pv/"+namespace+"-"+claim, "--ignore-not-found", "--timeout=1m")
	})
	if output, err := tryKubectl(t, volume, "apply", "--filename=-"); err != nil {
		t.Fatalf("making a volume: %v\n%s", err, output)
	}
	newNamespace(t, namespace)
	return size
}

// gatewayProcesses tells gateways apart: it changes when one starts again, or is another.
func (s *service) gatewayProcesses() string {
	s.t.Helper()
	return s.kubectl("get", "pods", "--selector="+s.get(".status.selector"),
		`--output=jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[*].restartCount} {.status.conditions[?(@.type=="Ready")].lastTransitionTime}{"\n"}{end}`)
}

func names(n int, name func(int) string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = name(i)
	}
	return all
}
