//go:build chart

// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const namespace = "realtime-operator-system"

// objects are what a tool rendered, by Kind/namespace/name or Kind/name.
type objects map[string]*unstructured.Unstructured

func kustomize(t *testing.T) objects {
	t.Helper()
	return kustomizeAt(t, "../config/default")
}

func kustomizeAt(t *testing.T, folder string) objects {
	t.Helper()
	output, err := exec.Command(tool(t, "KUBECTL"), "kustomize", folder).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl kustomize: %v\n%s", err, output)
	}
	return parse(t, output)
}

func render(t *testing.T, flags ...string) objects {
	t.Helper()
	return renderAs(t, "realtime-operator", flags...)
}

func renderAs(t *testing.T, release string, flags ...string) objects {
	t.Helper()
	output, err := helm(t, release, flags...)
	if err != nil {
		t.Fatalf("helm template %q: %v\n%s", flags, err, output)
	}
	return parse(t, []byte(output))
}

// installed are the objects that stay: those of `helm test` come and go.
func (o objects) installed() objects {
	left := objects{}
	for key, object := range o {
		if object.GetAnnotations()["helm.sh/hook"] == "" {
			left[key] = object
		}
	}
	return left
}

func helmTemplate(t *testing.T, flags ...string) (string, error) {
	t.Helper()
	return helm(t, "realtime-operator", flags...)
}

func helm(t *testing.T, release string, flags ...string) (string, error) {
	t.Helper()
	arguments := append([]string{"template", release, "realtime-operator", "--namespace", namespace}, flags...)
	output, err := exec.Command(tool(t, "HELM"), arguments...).CombinedOutput()
	return string(output), err
}

// tool is the path that make gives in an environment variable.
func tool(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: run `make test-chart`", variable)
	}
	return path
}

func parse(t *testing.T, stream []byte) objects {
	t.Helper()
	found := objects{}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(stream), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("reading what was rendered: %v", err)
		}
		if len(object.Object) == 0 {
			continue
		}
		key := object.GetKind() + "/" + object.GetName()
		if object.GetNamespace() != "" {
			key = object.GetKind() + "/" + object.GetNamespace() + "/" + object.GetName()
		}
		if _, ok := found[key]; ok {
			t.Fatalf("%s was rendered twice", key)
		}
		found[key] = object
	}
}

// plain is the object without what Helm alone writes.
func plain(object *unstructured.Unstructured) map[string]any {
	copied := object.DeepCopy()
	labels := copied.GetLabels()
	for _, key := range []string{"helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version"} {
		delete(labels, key)
	}
	copied.SetLabels(labels)
	annotations := copied.GetAnnotations()
	delete(annotations, "helm.sh/resource-policy")
	copied.SetAnnotations(annotations)
	return copied.Object
}

func container(t *testing.T, rendered objects) map[string]any {
	t.Helper()
	for _, object := range rendered {
		if object.GetKind() != "Deployment" {
			continue
		}
		containers, _, err := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
		if err != nil || len(containers) != 1 {
			t.Fatalf("the Deployment has %d containers: %v", len(containers), err)
		}
		return containers[0].(map[string]any)
	}
	t.Fatal("no Deployment was rendered")
	return nil
}

func image(t *testing.T, rendered objects) string {
	t.Helper()
	found, _, _ := unstructured.NestedString(container(t, rendered), "image")
	return found
}

func args(t *testing.T, rendered objects) []string {
	t.Helper()
	found, _, _ := unstructured.NestedStringSlice(container(t, rendered), "args")
	return found
}

func hasArg(t *testing.T, rendered objects, arg string) bool {
	t.Helper()
	return slices.Contains(args(t, rendered), arg)
}

// environment is what the operator's container is given as text.
func environment(t *testing.T, rendered objects) map[string]string {
	t.Helper()
	found := map[string]string{}
	variables, _, _ := unstructured.NestedSlice(container(t, rendered), "env")
	for _, variable := range variables {
		name, _, _ := unstructured.NestedString(variable.(map[string]any), "name")
		found[name], _, _ = unstructured.NestedString(variable.(map[string]any), "value")
	}
	return found
}

// operatorPod is the template of the operator's pod.
func operatorPod(t *testing.T, rendered objects) corev1.PodTemplateSpec {
	t.Helper()
	for _, object := range rendered {
		if object.GetKind() != "Deployment" {
			continue
		}
		var deployment appsv1.Deployment
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &deployment, true); err != nil {
			t.Fatal(err)
		}
		return deployment.Spec.Template
	}
	t.Fatal("no Deployment was rendered")
	return corev1.PodTemplateSpec{}
}

// ruleResources are all resources that the rules of a role name.
func ruleResources(role *unstructured.Unstructured) []string {
	var resources []string
	rules, _, _ := unstructured.NestedSlice(role.Object, "rules")
	for _, rule := range rules {
		named, _, _ := unstructured.NestedStringSlice(rule.(map[string]any), "resources")
		resources = append(resources, named...)
	}
	return resources
}

func webhooks(t *testing.T, rendered objects) []map[string]any {
	t.Helper()
	for _, object := range rendered {
		if object.GetKind() != "ValidatingWebhookConfiguration" {
			continue
		}
		var found []map[string]any
		list, _, _ := unstructured.NestedSlice(object.Object, "webhooks")
		for _, webhook := range list {
			found = append(found, webhook.(map[string]any))
		}
		return found
	}
	t.Fatal("no ValidatingWebhookConfiguration was rendered")
	return nil
}

func rules(t *testing.T, role *unstructured.Unstructured) []rbacv1.PolicyRule {
	t.Helper()
	if role == nil {
		t.Fatal("there is no such role")
	}
	var typed rbacv1.ClusterRole // a Role has the same rules
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(role.Object, &typed); err != nil {
		t.Fatal(err)
	}
	return typed.Rules
}
