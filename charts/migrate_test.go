//go:build chart

// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// An installation by kustomize becomes Helm's, and is then applied by Argo CD and by Flux, each
// under its own field manager: nothing is lost, and nothing changes that would replace a pod.
func TestInstallationChangesHands(t *testing.T) {
	environment := &envtest.Environment{}
	if _, err := environment.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	}()
	user, err := environment.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := user.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(input []byte, variable string, arguments ...string) string {
		t.Helper()
		command := exec.Command(tool(t, variable), arguments...)
		command.Env = append(os.Environ(), "KUBECONFIG="+file, "HELM_CACHE_HOME="+t.TempDir(), "HELM_CONFIG_HOME="+t.TempDir())
		command.Stdin = bytes.NewReader(input)
		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", variable, strings.Join(arguments, " "), err, output)
		}
		return string(output)
	}
	kubectl := func(arguments ...string) string { t.Helper(); return run(nil, "KUBECTL", arguments...) }
	const bundle = "c29tZSBDQQ=="
	// state is what no change of hands may touch.
	state := func() string {
		return kubectl("get", "validatingwebhookconfiguration/realtime-operator", "--output", "jsonpath={.webhooks[0].clientConfig.caBundle}") + " " +
			kubectl("--namespace", namespace, "get", "deployment/realtime-operator", "--output", "jsonpath={.metadata.uid} {.spec.template}") + " " +
			kubectl("get", "crd/realtimeservices.realtime-operator.io", "--output", "jsonpath={.metadata.uid} {.metadata.generation}")
	}

	kubectl("apply", "--kustomize", "../config/default")
	kubectl("patch", "validatingwebhookconfiguration/realtime-operator", "--field-manager", "operator", "--type", "json",
		"--patch", `[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "`+bundle+`"}]`)
	before := state()
	if !strings.HasPrefix(before, bundle) {
		t.Fatal(before)
	}
	release := []string{"realtime-operator", "realtime-operator", "--namespace", namespace}
	rendered := run(nil, "HELM", append([]string{"template", "--skip-tests"}, release...)...)
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
			run(nil, "HELM", append([]string{"install", "--take-ownership", "--force-conflicts"}, release...)...)
		}},
		{"helm upgrade", func() { run(nil, "HELM", append([]string{"upgrade"}, release...)...) }},
		{"Argo CD, client-side", func() {
			run([]byte(rendered), "KUBECTL", "apply", "--field-manager", "argocd-controller", "--filename", "-")
		}},
		{"Argo CD, server-side", func() { run([]byte(rendered), "KUBECTL", serverSide("argocd-controller")...) }},
		{"Flux", func() { run([]byte(rendered), "KUBECTL", serverSide("kustomize-controller")...) }},
		{"helm upgrade after that", func() { run(nil, "HELM", append([]string{"upgrade"}, release...)...) }},
	} {
		step.do()
		// Helm's label is the only difference of the chart, and is not in the pods.
		if after := state(); after != before {
			t.Fatalf("%s changes\n%s\nto\n%s", step.name, before, after)
		}
	}
}
