//go:build chart

// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// variants are values that between them render every part of the chart.
var variants = map[string][]string{
	"default": nil,
	"all that can be set": {
		"--set", "replicas=2,priorityClassName=system-cluster-critical,nodeSelector.pool=infra,podLabels.team=platform,podAnnotations.note=kept",
		"--set-json", `imagePullSecrets=[{"name":"pull"}]`,
		"--set-json", `tolerations=[{"key":"infra","operator":"Exists"}]`,
		"--set-json", `affinity={"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Exists"}]}]}}}`,
		"--set-json", `topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule"}]`,
		"--set-json", `extraEnv=[{"name":"HTTPS_PROXY","value":"http://proxy:3128"}]`,
		"--set", "assignedUserIDs=Always,image.digest=" + digest,
	},
	"some namespaces":               {"--set", "watchNamespaces={" + namespace + ",default}"},
	"without webhook, CRD, metrics": {"--set", "webhook.enabled=false,crds.install=false,metrics.enabled=false"},
}

// The types of 1.30 have every field that the chart uses, so that the oldest supported API server
// drops none.
func TestKubernetes130HasTheFieldsOfTheChart(t *testing.T) {
	decode := func(input string) (string, error) {
		command := exec.Command("go", "run", "-C", "../hack/kubernetes130", ".")
		command.Stdin = strings.NewReader(input)
		output, err := command.CombinedOutput()
		return string(output), err
	}
	for name, flags := range variants {
		rendered, err := helmTemplate(t, flags...)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, rendered)
		}
		output, err := decode(rendered)
		if want := fmt.Sprintf("%d objects\n", strings.Count(rendered, "\nkind: ")); err != nil || output != want {
			t.Errorf("%s: %v\n%s", name, err, output)
		}
	}
	// hostUsers is of 1.30, and hostnameOverride of 1.34.
	for field, has := range map[string]bool{"hostUsers: false": true, "hostnameOverride: a": false} {
		pod := "apiVersion: v1\nkind: Pod\nspec:\n  " + field + "\n"
		if output, err := decode(pod); (err == nil) != has {
			t.Errorf("%s: %v\n%s", field, err, output)
		}
	}
}

// A real API server of 1.37 accepts all that the chart renders, and knows each of its fields.
func TestAnAPIServerAcceptsTheChart(t *testing.T) {
	c := startCluster(t)
	c.kubectl("create", "namespace", namespace)
	for name, flags := range variants {
		// Without the pod of helm test: its account is not there in a dry run.
		rendered, err := helmTemplate(t, append([]string{"--skip-tests"}, flags...)...)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, rendered)
		}
		if output, err := c.try([]byte(rendered), "KUBECTL", "apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-"); err != nil {
			t.Errorf("%s: %v\n%s", name, err, output)
		}
	}
	rendered := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\nsata: {a: b}\n"
	if output, err := c.try([]byte(rendered), "KUBECTL", "apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-"); err == nil {
		t.Errorf("a misspelt field is accepted: %s", output)
	}
}
