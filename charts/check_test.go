//go:build chart

// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// The pod of `helm test` is told of the installation that it checks, and may do what the check
// does and no more.
func TestHelmTestIsForTheInstallation(t *testing.T) {
	const name = "mine-realtime-operator"
	create := rbacv1.PolicyRule{APIGroups: []string{"realtime-operator.io"}, Resources: []string{"realtimeservices"}, Verbs: []string{"create"}}
	lease := rbacv1.PolicyRule{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, ResourceNames: []string{name}, Verbs: []string{"get"}}
	for what, test := range map[string]struct {
		flags []string
		args  []string
		roles map[string][]rbacv1.PolicyRule
	}{
		"all namespaces": {
			nil, []string{"operator", "check", "--lease=" + name, "--webhook=true"},
			map[string][]rbacv1.PolicyRule{namespace: {lease, create}},
		},
		"some namespaces, without a webhook": {
			[]string{"--set", "watchNamespaces={chat,games},webhook.enabled=false"},
			[]string{"operator", "check", "--lease=" + name, "--webhook=false", "--namespace=chat"},
			map[string][]rbacv1.PolicyRule{namespace: {lease}, "chat": {create}},
		},
		"its own namespace": {
			[]string{"--set", "watchNamespaces={" + namespace + "}"},
			[]string{"operator", "check", "--lease=" + name, "--webhook=true", "--namespace=" + namespace},
			map[string][]rbacv1.PolicyRule{namespace: {lease, create}},
		},
	} {
		t.Run(what, func(t *testing.T) {
			rendered := renderAs(t, "mine", test.flags...)
			if diff := cmp.Diff(test.args, checkingPod(t, rendered).Spec.Containers[0].Args); diff != "" {
				t.Error(diff)
			}
			roles := map[string][]rbacv1.PolicyRule{}
			for _, object := range rendered {
				if object.GetKind() == "Role" && object.GetName() == name+"-test" {
					roles[object.GetNamespace()] = rules(t, object)
				}
			}
			if diff := cmp.Diff(test.roles, roles); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A pod that the operator's Services or its budget select would get the webhook's requests.
func TestThePodOfHelmTestRunsWhereTheOperatorMayAndIsNotTakenForIt(t *testing.T) {
	rendered := render(t, "--set", "replicas=2,nodeSelector.pool=infra,image.digest="+digest,
		"--set-json", `imagePullSecrets=[{"name":"pull"}]`, "--set-json", `tolerations=[{"key":"infra","operator":"Exists"}]`)
	pod, operator := checkingPod(t, rendered), operatorPod(t, rendered)
	for key, object := range rendered {
		path := map[string][]string{
			"Service": {"spec", "selector"}, "PodDisruptionBudget": {"spec", "selector", "matchLabels"}, "Deployment": {"spec", "selector", "matchLabels"},
		}[object.GetKind()]
		if path == nil {
			continue
		}
		selector, _, err := unstructured.NestedStringMap(object.Object, path...)
		if err != nil {
			t.Fatal(err)
		}
		if labels.SelectorFromSet(selector).Matches(labels.Set(pod.Labels)) {
			t.Errorf("%s selects the pod by %v", key, selector)
		}
	}
	own, its := pod.Spec.Containers[0], operator.Spec.Containers[0]
	for what, diff := range map[string]string{
		"image":     cmp.Diff(own.Image, its.Image),
		"resources": cmp.Diff(own.Resources, its.Resources),
		"security":  cmp.Diff(own.SecurityContext, its.SecurityContext) + cmp.Diff(pod.Spec.SecurityContext, operator.Spec.SecurityContext),
		"secrets":   cmp.Diff(pod.Spec.ImagePullSecrets, operator.Spec.ImagePullSecrets),
		"nodes":     cmp.Diff(pod.Spec.NodeSelector, operator.Spec.NodeSelector) + cmp.Diff(pod.Spec.Tolerations, operator.Spec.Tolerations),
	} {
		if diff != "" {
			t.Errorf("%s differs from the operator's:\n%s", what, diff)
		}
	}
}

func checkingPod(t *testing.T, rendered objects) corev1.Pod {
	t.Helper()
	for _, object := range rendered {
		if object.GetKind() != "Pod" {
			continue
		}
		var pod corev1.Pod
		convert(t, object.Object, &pod)
		return pod
	}
	t.Fatal("there is no pod")
	return corev1.Pod{}
}

func convert(t *testing.T, object map[string]any, into any) {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object, into, true); err != nil {
		t.Fatal(err)
	}
}
