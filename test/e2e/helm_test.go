//go:build e2e

// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the product as a person meets it: an image, a cluster, helm or kustomize,
// kubectl, and stock Socket.IO clients. `make e2e` runs it.
package e2e

import (
	"strings"
	"testing"
	"time"
)

const operatorNamespace = "realtime-operator-system"

// TestHelm installs the chart once; its subtests share the operator and nothing else.
func TestHelm(t *testing.T) {
	installChart(t)

	t.Run("helm test finds nothing wrong", func(t *testing.T) {
		helm(t, "test", "realtime-operator", "--namespace", operatorNamespace, "--timeout=2m")
	})
	t.Run("clients chat across gateways", testChatAcrossGateways)
	t.Run("clients poll without affinity", testPollingWithoutAffinity)
	t.Run("clients of killed gateways miss nothing", testRecovery)
	t.Run("a rollout sends each client away once", testRollout)
	t.Run("clients miss nothing of an update of the gateways", testUpdate)
	t.Run("clients miss nothing of a deleted NATS", testDeletedNATS)
	t.Run("three NATS servers lose nothing", testThreeNATSServers)
	t.Run("NATS takes clients that encrypt and no others", testEncryptedNATS)
	t.Run("a changed greeting shows and nobody reconnects", testChangedGreeting)
	t.Run("clients of a deleted gateway come back", testDeletedGateway)
	t.Run("clients come in by an Ingress and by Gateway API", testExposed)
	t.Run("network policies let in what is needed", testNetworkPolicies)
	t.Run("pods go where the manifest says", testPlacedPods)
	t.Run("a drained node evicts NATS", testDrainedNATS)
	t.Run("a drained node evicts one gateway at a time", testDrainedGateways)
	t.Run("kubectl scale", testScale)
	t.Run("an autoscaler follows CPU", testAutoscale)
	t.Run("what goes wrong is told", testTroubles)
	t.Run("an autoscaler follows connections", testAutoscaleOnConnections)
	t.Run("an autoscaler without metrics", testAutoscaleWithoutMetrics)
	t.Run("kubectl rts asks gateways", testPlugin)
	t.Run("bad manifests are refused", testBadManifests)
	t.Run("the manifests of README and samples are not", testShownManifests)
	t.Run("a deleted service leaves nothing", testDeletedService)
	t.Run("uninstalling leaves services running", testUninstall)
}

// TestKustomize brings the operator up without helm.
func TestKustomize(t *testing.T) {
	overlay := writeOverlay(t)
	t.Cleanup(func() {
		tellOnFailure(t, operatorNamespace)
		kubectl(t, "delete", "--kustomize", overlay, "--ignore-not-found", "--timeout=2m")
	})
	kubectl(t, "apply", "--kustomize", overlay)
	kubectl(t, "--namespace", operatorNamespace, "rollout", "status", "deployment/realtime-operator", "--timeout=2m")

	s := apply(t, newNamespace(t, "by-kustomize"), sample(t, "chat"))
	c := startClients(t)
	c.connect("ada", s.url())
	c.emit("ada", "join", "Ada")
	c.wait("ada", "systemMessage", 5*time.Second, says("Ada"))
	c.close("ada")
	s.kubectl("delete", "rts/"+s.name, "--timeout=1m")
}

func installChart(t *testing.T) {
	t.Helper()
	notes := helmInstall(t, "../../charts/realtime-operator", setting(t, "IMAGE"))
	_, fromManifest, _ := strings.Cut(notes, "kubectl apply -f - <<'EOF'\n")
	manifest, next, found := strings.Cut(fromManifest, "\nEOF\n")
	if !found || !strings.Contains(next, "kubectl wait rts/chat") {
		t.Fatalf("the notes do not say what to do next:\n%s", notes)
	}
	dryRun(t, "the manifest in the notes", manifest)
}

// helmInstall installs a chart of an operator of an image until the test ends, and returns the
// notes.
func helmInstall(t *testing.T, chart, image string) (notes string) {
	t.Helper()
	kubectl(t, "create", "namespace", operatorNamespace)
	kubectl(t, "label", "namespace", operatorNamespace, "pod-security.kubernetes.io/enforce=restricted")
	t.Cleanup(func() {
		tellOnFailure(t, operatorNamespace)
		helm(t, "uninstall", "realtime-operator", "--namespace", operatorNamespace, "--ignore-not-found", "--wait", "--timeout=2m")
		kubectl(t, "delete", "crd/realtimeservices.realtime-operator.io", "--ignore-not-found", "--timeout=1m")
		kubectl(t, "delete", "namespace/"+operatorNamespace, "--timeout=1m")
	})
	return helm(t, append([]string{"install"}, helmFlags(t, chart, image)...)...)
}

// helmFlags are what helm is told to install or upgrade to a chart.
func helmFlags(t *testing.T, chart, image string) []string {
	t.Helper()
	repository, tag, _ := strings.Cut(image, ":")
	return []string{
		"realtime-operator", chart, "--namespace", operatorNamespace,
		"--set", "image.repository=" + repository + ",image.tag=" + tag, "--set", "nats.image=" + setting(t, "NATS_IMAGE"),
		"--wait", "--timeout=2m",
	}
}

// testUninstall comes last: it ends the operator of the other tests.
func testUninstall(t *testing.T) {
	s := apply(t, newNamespace(t, "uninstall"), sample(t, "chat"))
	c := startClients(t)
	c.connect("ada", s.url())
	mark := c.mark()

	helm(t, "uninstall", "realtime-operator", "--namespace", operatorNamespace, "--wait", "--timeout=2m")

	eventually(t, 30*time.Second, "nothing of the operator is left", func() error {
		left := kubectl(t, "get", "all,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,validatingwebhookconfigurations",
			"--namespace", operatorNamespace, "--selector=app.kubernetes.io/instance=realtime-operator", "--output=name")
		return want("what helm uninstall leaves", left, "")
	})
	kubectl(t, "get", "crd/realtimeservices.realtime-operator.io")
	c.emit("ada", "join", "Ada")
	c.waitSince(mark, "ada", "systemMessage", 5*time.Second, says("Ada"))
	if reconnects := c.count(mark, "disconnect"); reconnects != 0 {
		t.Errorf("a client was disconnected by the operator's end")
	}
}
