//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const priorityClass = `
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: e2e-realtime}
value: 1000
`

// testPlacedPods runs a service where only pods with all settings may run: on a tainted node, in a
// namespace whose quota wants every request and limit, and counts pods of one priority class alone.
func testPlacedPods(t *testing.T) {
	namespace := newNamespace(t, "placed")
	if output, err := tryKubectl(t, priorityClass, "apply", "--filename=-"); err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, output)
	}
	t.Cleanup(func() { kubectl(t, "delete", "priorityclass/e2e-realtime") })
	quota := `
apiVersion: v1
kind: ResourceQuota
metadata: {name: all}
spec:
  hard: {requests.cpu: "2", requests.memory: 2Gi, limits.cpu: "8", limits.memory: 2Gi, pods: "4"}
  scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: [e2e-realtime]}]}
`
	if output, err := tryKubectl(t, quota, "apply", "--namespace", namespace, "--filename=-"); err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, output)
	}
	const taint = "e2e-realtime=edge:NoSchedule"
	nodes := strings.Fields(kubectl(t, "get", "nodes", "--output=jsonpath={.items[*].metadata.name}"))
	t.Cleanup(func() {
		for _, node := range nodes {
			kubectl(t, "taint", "node", node, taint+"-")
		}
	})
	for _, node := range nodes {
		kubectl(t, "taint", "node", node, taint)
	}

	settings := func() map[string]any {
		return map[string]any{
			"priorityClassName": "e2e-realtime",
			"nodeSelector":      map[string]any{"kubernetes.io/os": "linux"},
			"tolerations":       []any{map[string]any{"key": "e2e-realtime", "value": "edge", "effect": "NoSchedule"}},
			"podLabels":         map[string]any{"team": "chat"},
			"resources": map[string]any{
				"requests": map[string]any{"cpu": "20m", "memory": "64Mi"},
				"limits":   map[string]any{"cpu": "2", "memory": "512Mi"},
			},
		}
	}
	gateway := settings()
	gateway["replicas"] = int64(1)
	gateway["env"] = []any{map[string]any{"name": "GODEBUG", "value": "http2debug=0"}}
	gateway["topologySpreadConstraints"] = []any{map[string]any{
		"maxSkew": int64(1), "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
	}}
	s := apply(t, namespace, edit(t, sample(t, "chat"), map[string]any{
		"spec.gateway": gateway, "spec.nats": map[string]any{"managed": settings()},
	}))

	pods := s.kubectl("get", "pods", "--selector=team=chat", `--output=jsonpath={range .items[*]}{.spec.priorityClassName}{"\n"}{end}`)
	if pods != "e2e-realtime\ne2e-realtime" {
		t.Errorf("the pods with the label have priority classes %q", pods)
	}
	if used := s.kubectl("get", "resourcequota/all", `--output=jsonpath={.status.used.limits\.memory}`); used != "1Gi" {
		t.Errorf("the quota counts %s of memory limits", used)
	}
	if limit := s.kubectl("get", "pod/chat-nats-0", `--output=jsonpath={.spec.containers[0].env[?(@.name=="GOMEMLIMIT")].value}`); limit != "483183819B" {
		t.Errorf("NATS knows a memory limit of %s", limit)
	}
	c := startClients(t)
	c.connect("ada", s.url())
	c.emit("ada", "join", "Ada")
	c.wait("ada", "systemMessage", 5*time.Second, says("Ada"))

	// The pods of a rollout are spread without those that they replace, and a quota that has no
	// room for both keeps the old ones.
	s.kubectl("patch", "resourcequota/all", "--type=merge", `--patch={"spec":{"hard":{"pods":"8"}}}`)
	s.kubectl("patch", "rts/chat", "--type=merge", `--patch={"spec":{"gateway":{"podLabels":{"team":"games"}}}}`)
	eventually(t, 60*time.Second, "a gateway with another label is ready", func() error {
		ready := s.kubectl("get", "pods", "--selector=team=games", `--output=jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`)
		return want("ready", ready, "True")
	})
}

// testDrainedNATS drains the node of NATS, whose disruption budget must not block that.
func testDrainedNATS(t *testing.T) {
	s := apply(t, newNamespace(t, "drained"), edit(t, withReplicas(t, sample(t, "chat"), 1), map[string]any{
		"spec.recovery": map[string]any{"maxDisconnection": "1m", "storage": map[string]any{"size": "64Mi"}},
	}))
	node := s.kubectl("get", "pod/chat-nats-0", "--output=jsonpath={.spec.nodeName}")
	before := s.kubectl("get", "pod/chat-nats-0", "--output=jsonpath={.metadata.uid}")
	t.Cleanup(func() { kubectl(t, "uncordon", node) })

	drain := []string{"drain", node, "--pod-selector=app.kubernetes.io/component=nats,app.kubernetes.io/instance=chat", "--timeout=60s"}
	if output, err := tryKubectl(t, "", drain...); err == nil || !strings.Contains(output, "--delete-emptydir-data") {
		t.Errorf("a log on the node goes without a question: %v\n%s", err, output)
	}
	kubectl(t, append(drain, "--delete-emptydir-data")...)
	kubectl(t, "uncordon", node)

	eventually(t, 60*time.Second, "another NATS is ready", func() error {
		pod, err := tryKubectl(t, "", "--namespace", s.namespace, "get", "pod/chat-nats-0",
			`--output=jsonpath={.metadata.uid} {.status.conditions[?(@.type=="Ready")].status}`)
		if err != nil {
			return err
		}
		if strings.HasPrefix(pod, before) || !strings.HasSuffix(pod, " True") {
			return fmt.Errorf("it is %s", pod)
		}
		return nil
	})
	s.kubectl("wait", "rts/"+s.name, "--for=condition=NATSAvailable", "--timeout=60s")
}

// testDrainedGateways drains the node of all gateways while clients chat. Each gateway leaves when
// another is ready in its place, and nothing that was said is lost.
func testDrainedGateways(t *testing.T) {
	const clients, messages = 6, 60
	s := apply(t, newNamespace(t, "drained-gateways"), edit(t, withReplicas(t, sample(t, "chat"), 2), map[string]any{
		"spec.recovery": map[string]any{"maxDisconnection": "1m"},
		"spec.gateway.terminationGracePeriodSeconds": int64(10),
	}))
	eventually(t, 60*time.Second, "both gateways are ready", func() error { return want("gateways", len(s.pods()), 2) })
	before := s.pods()
	c := startClients(t)
	name := func(i int) string { return fmt.Sprintf("client-%d", i) }
	for i := range clients {
		c.connect(name(i), s.url())
	}
	c.emit(name(0), "join", "Ada")
	c.wait(name(clients-1), "systemMessage", 20*time.Second, says("Ada"))

	start := c.mark()
	node := s.kubectl("get", "pods", "--output=jsonpath={.items[0].spec.nodeName}")
	t.Cleanup(func() { kubectl(t, "uncordon", node) })
	drained := make(chan error, 1)
	go func() {
		output, err := tryKubectl(t, "", "drain", node, "--timeout=2m", "--pod-selector=app.kubernetes.io/component=gateway,app.kubernetes.io/instance=chat")
		if err != nil {
			err = fmt.Errorf("%w: %s", err, output)
		}
		drained <- err
	}()
	eventually(t, 30*time.Second, "the node is cordoned", func() error {
		return want("unschedulable", kubectl(t, "get", "node", node, "--output=jsonpath={.spec.unschedulable}"), "true")
	})
	kubectl(t, "uncordon", node) // there is no other node on which gateways could start

	number := func(i int) string { return fmt.Sprintf("message %d", i) }
	pace := time.NewTicker(300 * time.Millisecond)
	defer pace.Stop()
	for n := range messages {
		c.emit(name(0), "chatMessage", number(n))
		<-pace.C
	}
	if err := <-drained; err != nil {
		t.Fatalf("kubectl drain: %v", err)
	}
	eventually(t, 60*time.Second, "two other gateways are ready", func() error {
		now := s.pods()
		if len(now) != 2 || slices.ContainsFunc(now, func(pod string) bool { return slices.Contains(before, pod) }) {
			return fmt.Errorf("they are %v, and were %v", now, before)
		}
		return nil
	})
	c.emit(name(0), "chatMessage", "the end")
	for i := range clients {
		c.waitSince(start, name(i), "newMessage", 60*time.Second, func(args []any) bool { return text(args) == "the end" })
	}
	heard := c.heard(start)
	all := heard[name(0)]
	// A message that is on its way while its sender's connection closes may be lost, for all.
	if len(all) < messages-1 || len(all) > messages+1 {
		t.Errorf("%d messages are heard, want %d: %q", len(all), messages+1, all)
	}
	for i := range clients {
		if got := heard[name(i)]; !slices.Equal(got, all) {
			t.Errorf("%s got %q, and its sender %q", name(i), got, all)
		}
		if lost := c.countOf(start, name(i), "disconnect"); lost > 2 {
			t.Errorf("%s was disconnected %d times by two evictions", name(i), lost)
		}
	}
	if moved := c.count(start, "disconnect"); moved < clients {
		t.Errorf("%d clients have moved, want all %d", moved, clients)
	}
}
