//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// backupJob copies what NATS stores to a claim, or back; see docs/operations/nats.md.
const backupJob = `
apiVersion: batch/v1
kind: Job
metadata: {name: %[1]s}
spec:
  backoffLimit: 2
  template:
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: backup
        image: %[2]s
        args: [%[1]s, --service=nats3/chat, --nats-credentials-dir=/nats, --%[3]s=/backups/chat.tar]
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        volumeMounts:
        - {name: nats, mountPath: /nats, readOnly: true}
        - {name: backups, mountPath: /backups}
      volumes:
      - name: backups
        persistentVolumeClaim: {claimName: backups}
      - name: nats
        projected:
          sources:
          - secret: {name: chat-nats-credentials, items: [{key: username, path: username}, {key: password, path: password}]}
          - secret: {name: chat-nats-tls, items: [{key: ca.crt, path: ca.crt}]}
`

// testThreeNATSServers kills one of three servers, and has them replaced one by one, while clients
// chat: each message arrives once. Then all that they store is lost and restored from a backup, and
// a client that was away finds its session and what it has missed.
func testThreeNATSServers(t *testing.T) {
	size := newNamespaceWithVolume(t, "nats3", "backups")
	spec := map[string]any{"spec.recovery": map[string]any{"maxDisconnection": "10m"}, "spec.nats": managedNATS("64Mi")}
	s := apply(t, "nats3", edit(t, withReplicas(t, sample(t, "chat"), 2), spec))
	eventually(t, 2*time.Minute, "three servers and two gateways are ready", func() error {
		if err := want("gateways", len(s.pods()), 2); err != nil {
			return err
		}
		return want("servers", s.kubectl("get", "statefulset/chat-nats3", "--output=jsonpath={.status.readyReplicas}"), "3")
	})

	c := startClients(t)
	for _, name := range []string{"ada", "bob", "away"} {
		c.connect(name, s.url())
	}
	away := c.wait("away", "connect", time.Second, anything)[0]
	c.emit("ada", "join", "Ada")
	c.wait("away", "systemMessage", 20*time.Second, says("Ada"))
	start := c.mark()
	c.order(map[string]any{"do": "lose", "client": "away"})
	sent := 0
	say := func(messages int) {
		pace := time.NewTicker(200 * time.Millisecond)
		defer pace.Stop()
		for range messages {
			c.emit("ada", "chatMessage", fmt.Sprintf("message %d", sent))
			sent++
			<-pace.C
		}
		last := fmt.Sprintf("message %d", sent-1)
		c.waitSince(start, "bob", "newMessage", time.Minute, func(args []any) bool { return text(args) == last })
	}

	s.kubectl("delete", "pod/chat-nats3-1", "--grace-period=0", "--force", "--wait=false")
	say(40)
	s.kubectl("rollout", "status", "statefulset/chat-nats3", "--timeout=2m")

	s.apply(edit(t, withReplicas(t, sample(t, "chat"), 2), map[string]any{"spec.recovery": spec["spec.recovery"], "spec.nats": managedNATS("80Mi")}))
	say(100)
	s.kubectl("rollout", "status", "statefulset/chat-nats3", "--timeout=4m")
	say(5)
	s.runJob("backup", "to", size)

	s.kubectl("scale", "rts/chat", "--replicas=0")
	eventually(t, 2*time.Minute, "no gateway is left, not even one that leaves", func() error {
		return want("gateways", s.kubectl("get", "pods", "--selector=app.kubernetes.io/component=gateway", "--output=name"), "")
	})
	s.kubectl("delete", "pods", "--selector=app.kubernetes.io/component=nats", "--wait=true", "--timeout=2m") // and with them all disks
	eventually(t, 2*time.Minute, "three empty servers are ready", func() error {
		return want("servers", s.kubectl("get", "statefulset/chat-nats3", "--output=jsonpath={.status.readyReplicas}"), "3")
	})
	s.runJob("restore", "from", size)
	s.kubectl("scale", "rts/chat", "--replicas=2")
	eventually(t, time.Minute, "both gateways are ready", func() error { return want("gateways", len(s.pods()), 2) })

	back := c.mark()
	c.order(map[string]any{"do": "return", "client": "away"})
	if id := c.waitSince(back, "away", "connect", 30*time.Second, anything)[0]; id != away {
		t.Errorf("the client that was away is socket %v, and was %v: its session is lost", id, away)
	}
	wanted := names(sent, func(i int) string { return fmt.Sprintf("message %d", i) })
	c.waitSince(back, "away", "newMessage", 20*time.Second, func(args []any) bool { return text(args) == wanted[sent-1] })
	heard := c.heard(start)
	for _, client := range []string{"away", "bob"} {
		if got := heard[client]; strings.Join(got, "\n") != strings.Join(wanted, "\n") {
			t.Errorf("%s got %d messages, want %d, each once and in order: %q", client, len(got), sent, got)
		}
	}
}

// managedNATS has three servers that request some memory.
func managedNATS(memory string) map[string]any {
	return map[string]any{"managed": map[string]any{
		"replicas":  int64(3),
		"resources": map[string]any{"requests": map[string]any{"cpu": "20m", "memory": memory}, "limits": map[string]any{"memory": "512Mi"}},
	}}
}

// runJob runs realtime backup or restore in the cluster, on a claim of a size.
func (s *service) runJob(command, flag, size string) {
	s.t.Helper()
	claim := fmt.Sprintf("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: backups}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: %s}}}}", size)
	for _, manifest := range []string{claim, fmt.Sprintf(backupJob, command, setting(s.t, "IMAGE"), flag)} {
		if output, err := tryKubectl(s.t, manifest, "apply", "--namespace", "nats3", "--filename=-"); err != nil {
			s.t.Fatalf("kubectl apply: %v\n%s", err, output)
		}
	}
	if output, err := tryKubectl(s.t, "", "wait", "--namespace", "nats3", "job/"+command, "--for=condition=Complete", "--timeout=2m"); err != nil {
		logs, _ := tryKubectl(s.t, "", "logs", "--namespace", "nats3", "job/"+command)
		s.t.Fatalf("%s: %v\n%s\n%s", command, err, output, logs)
	}
}
