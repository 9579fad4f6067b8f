//go:build chart

// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A release that Helm 3 has installed is upgraded by Helm 4 with a change of the CRD, first as
// Helm 3 did it and then server-side, rolled back, uninstalled and installed again. What a release
// no longer has goes away, and what the operator or users have written stays.
func TestLifeOfARelease(t *testing.T) {
	c := startCluster(t)
	const name = "realtime-operator"
	flags := func(chart string, more ...string) []string {
		return append([]string{name, chart, "--namespace", namespace}, more...)
	}
	helm := func(variable, verb string, arguments ...string) string {
		t.Helper()
		return c.run(nil, variable, append([]string{verb}, arguments...)...)
	}
	deployment := func(path string) string {
		t.Helper()
		return c.kubectl("--namespace", namespace, "get", "deployment/"+name, "--show-managed-fields", "--output", "jsonpath="+path)
	}
	crd := func(path string) string {
		t.Helper()
		return c.kubectl("get", "crd/realtimeservices.realtime-operator.io", "--output", "jsonpath="+path)
	}
	way := "Update" // client-side
	expect := func(step string, want map[string]string) {
		t.Helper()
		for what, got := range map[string]string{
			"caBundle":   c.bundle(),
			"column":     crd("{.spec.versions[0].additionalPrinterColumns[0].name}"),
			"annotation": deployment("{.spec.template.metadata.annotations.note}"),
			"variables":  deployment("{.spec.template.spec.containers[0].env[4:].name}"),
			"label":      deployment("{.metadata.labels.team}"),
			"replicas":   deployment("{.spec.replicas}"),
			"helm's way": deployment(`{.metadata.managedFields[?(@.manager=="helm")].operation}`),
		} {
			wanted, ok := want[what]
			if !ok {
				wanted = map[string]string{"caBundle": caBundle, "label": "platform", "replicas": "1", "helm's way": way}[what]
			}
			if got != wanted {
				t.Errorf("after %s: %s is %q, want %q", step, what, got, wanted)
			}
		}
	}

	c.kubectl("create", "namespace", namespace)
	first := editedChart(t, "0.1.0", "Ready")
	helm("HELM3", "install", flags(first, "--set", "podAnnotations.note=three,extraEnv[0].name=A,extraEnv[0].value=b")...)
	c.writeBundle()
	c.kubectl("--namespace", namespace, "label", "deployment/"+name, "team=platform")
	c.run([]byte(service), "KUBECTL", "create", "--validate=strict", "--filename", "-")
	uids := crd("{.metadata.uid}") + deployment("{.metadata.uid}") + c.kubectl("get", "rts/chat", "--output", "jsonpath={.metadata.uid}")
	expect("helm 3 install", map[string]string{"column": "Ready", "annotation": "three", "variables": "A"})

	second := editedChart(t, "0.2.0", "State")
	helm("HELM", "upgrade", flags(second, "--set", "podAnnotations.note=four")...)
	expect("helm 4 upgrade", map[string]string{"column": "State", "annotation": "four"})

	way = "Apply" // server-side
	third := editedChart(t, "0.3.0", "Health")
	helm("HELM", "upgrade", flags(third, "--server-side=true", "--force-conflicts", "--set", "replicas=2")...)
	expect("helm 4 upgrade, server-side", map[string]string{"column": "Health", "replicas": "2"})

	helm("HELM", "upgrade", flags(third, "--set", "podAnnotations.note=again")...)
	expect("another upgrade", map[string]string{"column": "Health", "annotation": "again"})

	helm("HELM", "rollback", name, "1", "--namespace", namespace)
	// Which was applied client-side, so Helm does so again.
	expect("rollback to what helm 3 has installed", map[string]string{
		"column": "Ready", "annotation": "three", "variables": "A", "helm's way": "Apply Update",
	})
	helm("HELM", "rollback", name, "3", "--namespace", namespace)
	expect("rollback to the server-side release", map[string]string{"column": "Health", "replicas": "2"})

	if after := crd("{.metadata.uid}") + deployment("{.metadata.uid}") + c.kubectl("get", "rts/chat", "--output", "jsonpath={.metadata.uid}"); after != uids {
		t.Errorf("an object was replaced: %s, before %s", after, uids)
	}

	helm("HELM", "uninstall", name, "--namespace", namespace)
	if left := c.kubectl("get", "deployments,services,serviceaccounts,roles,rolebindings,poddisruptionbudgets,clusterroles,clusterrolebindings,validatingwebhookconfigurations",
		"--all-namespaces", "--selector=app.kubernetes.io/instance="+name, "--output=name"); left != "" {
		t.Errorf("helm uninstall leaves %s", left)
	}
	c.kubectl("get", "rts/chat")
	helm("HELM", "install", flags(third)...)
	c.kubectl("get", "rts/chat")

	helm("HELM", "upgrade", flags(third, "--set", "crds.keep=false")...)
	helm("HELM", "uninstall", name, "--namespace", namespace)
	if _, err := c.try(nil, "KUBECTL", "wait", "--for=delete", "crd/realtimeservices.realtime-operator.io", "--timeout=1m"); err != nil {
		t.Errorf("without crds.keep, helm uninstall leaves the CRD: %v", err)
	}
}

const service = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: chat, namespace: default}
spec: {namespaces: [{name: /}]}
`

// editedChart is a release of the chart whose CRD names its first column differently, without the
// webhook's check of what this test creates.
func editedChart(t *testing.T, version, column string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "realtime-operator")
	if err := os.CopyFS(folder, os.DirFS("realtime-operator")); err != nil {
		t.Fatal(err)
	}
	for file, edit := range map[string][2]string{
		"Chart.yaml":             {"ersion: 0.1.0", "ersion: " + version},
		"generated/crd.yaml":     {"      name: Ready\n", "      name: " + column + "\n"},
		"generated/webhook.yaml": {"failurePolicy: Fail", "failurePolicy: Ignore"},
	} {
		path := filepath.Join(folder, file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), edit[0]) {
			t.Fatalf("%s does not have %q", file, edit[0])
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), edit[0], edit[1])), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
