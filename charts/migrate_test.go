//go:build chart

// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"strings"
	"testing"
)

// An installation by kustomize becomes Helm's, and is then applied by Argo CD and by Flux, each
// under its own field manager: nothing is lost, and nothing changes that would replace a pod.
func TestInstallationChangesHands(t *testing.T) {
	c := startCluster(t)
	// state is what no change of hands may touch.
	state := func() string {
		return c.bundle() + " " +
			c.kubectl("--namespace", namespace, "get", "deployment/realtime-operator", "--output", "jsonpath={.metadata.uid} {.spec.template}") + " " +
			c.kubectl("get", "crd/realtimeservices.realtime-operator.io", "--output", "jsonpath={.metadata.uid} {.metadata.generation}")
	}

	c.kubectl("apply", "--kustomize", "../config/default")
	c.writeBundle()
	before := state()
	release := []string{"realtime-operator", "realtime-operator", "--namespace", namespace}
	rendered := c.run(nil, "HELM", append([]string{"template", "--skip-tests"}, release...)...)
	if strings.Contains(rendered, "caBundle") {
		t.Error("the chart renders caBundle, which is the operator's")
	}
	serverSide := func(manager string) []string {
		return []string{"apply", "--server-side", "--force-conflicts", "--field-manager", manager, "--filename", "-"}
	}
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"helm install", func() {
			c.run(nil, "HELM", append([]string{"install", "--take-ownership", "--force-conflicts"}, release...)...)
		}},
		{"helm upgrade", func() { c.run(nil, "HELM", append([]string{"upgrade"}, release...)...) }},
		{"Argo CD, client-side", func() {
			c.run([]byte(rendered), "KUBECTL", "apply", "--field-manager", "argocd-controller", "--filename", "-")
		}},
		{"Argo CD, server-side", func() { c.run([]byte(rendered), "KUBECTL", serverSide("argocd-controller")...) }},
		{"Flux", func() { c.run([]byte(rendered), "KUBECTL", serverSide("kustomize-controller")...) }},
		{"helm upgrade after that", func() { c.run(nil, "HELM", append([]string{"upgrade"}, release...)...) }},
	} {
		step.do()
		// Helm's label is the only difference of the chart, and is not in the pods.
		if after := state(); after != before {
			t.Fatalf("%s changes\n%s\nto\n%s", step.name, before, after)
		}
	}

	// Applying the same again changes nothing: GitOps tools see no drift in what the
	// operator has written.
	for _, manager := range []string{"argocd-controller", "kustomize-controller"} {
		c.run([]byte(rendered), "KUBECTL", append([]string{"diff"}, serverSide(manager)[1:]...)...)
	}
}
