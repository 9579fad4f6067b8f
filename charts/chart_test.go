//go:build chart

// SPDX-License-Identifier: Apache-2.0

// Package charts tests the Helm chart as helm renders it. `make test-chart` builds helm and runs
// it.
package charts

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestDefaultValuesRenderWhatKustomizeDoes(t *testing.T) {
	want := kustomize(t)
	delete(want, "Namespace/realtime-operator-system") // Helm makes it: --create-namespace
	got := render(t).installed()

	for key, object := range want {
		chartObject, ok := got[key]
		if !ok {
			t.Errorf("%s is in config/default and not in the chart", key)
			continue
		}
		if diff := cmp.Diff(plain(object), plain(chartObject)); diff != "" {
			t.Errorf("%s differs (-kustomize +helm):\n%s", key, diff)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%s is in the chart and not in config/default", key)
		}
	}
}

func TestValuesThatTheSchemaRefuses(t *testing.T) {
	for name, test := range map[string]struct{ set, want string }{
		"misspelt value":                {"replica=2", "replica"},
		"misspelt value deeper":         {"image.repo=x", "repo"},
		"replicas that are no number":   {"replicas=two", "replicas"},
		"unknown pull policy":           {"image.pullPolicy=Sometimes", "pullPolicy"},
		"namespace that cannot be":      {"watchNamespaces={Chat}", "watchNamespaces"},
		"empty NATS image":              {"nats.image=", "image"},
		"metrics on the webhook's port": {"metrics.port=9443", "port"},
		"image with a space":            {"image.repository=a b", "repository"},
		"digest that is none":           {"image.digest=v1", "digest"},
		"user ids from elsewhere":       {"assignedUserIDs=OpenShift", "assignedUserIDs"},
		"label by which pods are found": {`podLabels.app\.kubernetes\.io/name=x`, "podLabels"},
		"variable of the chart":         {"extraEnv[0].name=POD_NAME", "extraEnv"},
		"misspelt field of a variable":  {"extraEnv[0].name=A,extraEnv[0].valu=b", "valu"},
		"misspelt toleration":           {"tolerations[0].kye=infra", "kye"},
		"effect that does not exist":    {"tolerations[0].effect=NoRun", "effect"},
		"spread without a key":          {"topologySpreadConstraints[0].maxSkew=1", "topologyKey"},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := helmTemplate(t, "--set", test.set)
			if err == nil {
				t.Fatalf("helm accepted %s", test.set)
			}
			if !strings.Contains(output, test.want) {
				t.Errorf("helm's answer does not name %q:\n%s", test.want, output)
			}
		})
	}
}

func TestGatewaysRunTheOperatorsImageUnlessToldOtherwise(t *testing.T) {
	objects := render(t, "--set", "image.repository=example.com/realtime,image.tag=v9")
	if got := image(t, objects); got != "example.com/realtime:v9" {
		t.Errorf("image = %q", got)
	}
	if got := environment(t, objects)["RELATED_IMAGE_GATEWAY"]; got != "example.com/realtime:v9" {
		t.Errorf("the gateways' image is %s", got)
	}

	objects = render(t, "--set", "gateway.image=example.com/other:v1")
	if got := environment(t, objects)["RELATED_IMAGE_GATEWAY"]; got != "example.com/other:v1" {
		t.Errorf("the gateways' image is %s", got)
	}
}

func TestWatchedNamespacesNarrowWhatTheOperatorMayDo(t *testing.T) {
	objects := render(t, "--set", "watchNamespaces={chat,games}")

	for _, namespace := range []string{"chat", "games"} {
		if !hasArg(t, objects, "--watch-namespace="+namespace) {
			t.Errorf("no --watch-namespace=%s in %q", namespace, args(t, objects))
		}
		role, ok := objects["Role/"+namespace+"/realtime-operator"]
		if !ok {
			t.Fatalf("no Role in namespace %s", namespace)
		}
		if !slices.Contains(ruleResources(role), "realtimeservices") {
			t.Errorf("the Role in %s does not speak of realtimeservices", namespace)
		}
		if _, ok := objects["RoleBinding/"+namespace+"/realtime-operator"]; !ok {
			t.Errorf("no RoleBinding in namespace %s", namespace)
		}
	}
	if clusterRole, ok := objects["ClusterRole/realtime-operator"]; ok {
		for _, resource := range []string{"secrets", "pods", "deployments", "realtimeservices"} {
			if slices.Contains(ruleResources(clusterRole), resource) {
				t.Errorf("the ClusterRole still reaches %s in every namespace", resource)
			}
		}
	}
	if !slices.Contains(ruleResources(objects["ClusterRole/realtime-operator"]), "leases") {
		t.Error("the operator cannot tell whether another one is at work")
	}
	selector, _, _ := unstructured.NestedMap(webhooks(t, objects)[0], "namespaceSelector")
	if len(selector) == 0 {
		t.Error("the webhook judges services of other operators too")
	}
}

func TestWebhookCanBeLeftOut(t *testing.T) {
	objects := render(t, "--set", "webhook.enabled=false")
	for key := range objects {
		if strings.HasPrefix(key, "ValidatingWebhookConfiguration/") || strings.HasSuffix(key, "-webhook") {
			t.Errorf("%s is still there", key)
		}
	}
	if !hasArg(t, objects, "--webhook-port=0") {
		t.Errorf("args = %q", args(t, objects))
	}
	// Of which it has the Lease for which there is a Role.
	if mine := renderAs(t, "mine", "--set", "webhook.enabled=false"); !hasArg(t, mine, "--webhook-service-name=mine-realtime-operator-webhook") {
		t.Errorf("args = %q", args(t, mine))
	}
}

func TestMetricsCanBeLeftOut(t *testing.T) {
	objects := render(t, "--set", "metrics.enabled=false")
	if _, ok := objects["Service/realtime-operator-system/realtime-operator-metrics"]; ok {
		t.Error("the metrics Service is still there")
	}
	if !hasArg(t, objects, "--metrics-bind-address=0") {
		t.Errorf("args = %q", args(t, objects))
	}
}

func TestCRDStaysOnUninstallUnlessToldOtherwise(t *testing.T) {
	const key, policy = "CustomResourceDefinition/realtimeservices.realtime-operator.io", "helm.sh/resource-policy"
	if got := render(t)[key].GetAnnotations()[policy]; got != "keep" {
		t.Errorf("%s = %q, want keep", policy, got)
	}
	if got := render(t, "--set", "crds.keep=false")[key].GetAnnotations()[policy]; got != "" {
		t.Errorf("%s = %q, want none", policy, got)
	}
	if _, ok := render(t, "--set", "crds.install=false")[key]; ok {
		t.Error("the CRD is still there")
	}
}

func TestAnotherReleaseNameGoesThrough(t *testing.T) {
	objects := renderAs(t, "mine")
	for key := range objects {
		if strings.HasPrefix(key, "CustomResourceDefinition/") {
			continue
		}
		if name := key[strings.LastIndex(key, "/")+1:]; !strings.HasPrefix(name, "mine-realtime-operator") {
			t.Errorf("%s does not carry the release's name", key)
		}
	}
	service, _, _ := unstructured.NestedString(webhooks(t, objects)[0], "clientConfig", "service", "name")
	if service != "mine-realtime-operator-webhook" {
		t.Errorf("the webhook's service is %q", service)
	}
}

// Rights that exist for one object of the operator's own are for that object alone, by the name
// that the release gives it.
func TestRightsAreForTheOperatorsOwnObjects(t *testing.T) {
	objects := renderAs(t, "mine")
	const name = "mine-realtime-operator"
	election := "Role/" + namespace + "/" + name + "-leader-election"
	for _, c := range []struct{ role, resource, object string }{
		{"ClusterRole/" + name, "validatingwebhookconfigurations", name},
		{election, "leases", name},
		{election, "secrets", name + "-webhook-certificates"},
	} {
		found := false
		for _, rule := range rules(t, objects[c.role]) {
			if !slices.Contains(rule.Resources, c.resource) || slices.Equal(rule.Verbs, []string{"create"}) {
				continue // what is to be created has no name yet
			}
			found = true
			if !slices.Equal(rule.ResourceNames, []string{c.object}) {
				t.Errorf("%s: %s %v of %v, want of %s alone", c.role, rule.Verbs, rule.Resources, rule.ResourceNames, c.object)
			}
		}
		if !found {
			t.Errorf("%s has no rights on %s", c.role, c.resource)
		}
	}
	if _, ok := objects["ValidatingWebhookConfiguration/"+name]; !ok {
		t.Errorf("there is no ValidatingWebhookConfiguration %s", name)
	}
	if !hasArg(t, objects, "--webhook-service-name="+name+"-webhook") { // by which the operator names Lease and Secret
		t.Errorf("args = %q", args(t, objects))
	}
}
