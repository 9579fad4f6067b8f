//go:build chart

// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestPodOfTheOperatorHasTheSettingsOfTheValues(t *testing.T) {
	template := operatorPod(t, render(t,
		"--set", "priorityClassName=high,nodeSelector.pool=infra,podLabels.team=platform,podAnnotations.note=kept",
		"--set-json", `imagePullSecrets=[{"name":"pull"}]`,
		"--set-json", `tolerations=[{"key":"infra","operator":"Exists"}]`,
		"--set-json", `affinity={"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Exists"}]}]}}}`,
		"--set-json", `topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule"}]`,
		"--set-json", `extraEnv=[{"name":"HTTPS_PROXY","value":"http://proxy:3128"}]`,
	))
	pod := template.Spec
	for what, ok := range map[string]bool{
		"priority":     pod.PriorityClassName == "high",
		"node":         pod.NodeSelector["pool"] == "infra",
		"label":        template.Labels["team"] == "platform" && template.Labels["app.kubernetes.io/component"] == "operator",
		"annotation":   template.Annotations["note"] == "kept" && template.Annotations["kubectl.kubernetes.io/default-container"] == "operator",
		"pull secret":  len(pod.ImagePullSecrets) == 1 && pod.ImagePullSecrets[0].Name == "pull",
		"toleration":   len(pod.Tolerations) == 1 && pod.Tolerations[0].Key == "infra",
		"affinity":     pod.Affinity != nil && pod.Affinity.NodeAffinity != nil,
		"spread":       len(pod.TopologySpreadConstraints) == 1 && pod.TopologySpreadConstraints[0].TopologyKey == "zone",
		"environment":  len(pod.Containers[0].Env) == 5 && pod.Containers[0].Env[4].Name == "HTTPS_PROXY",
		"restrictions": *pod.SecurityContext.RunAsNonRoot && pod.SecurityContext.SeccompProfile.Type == "RuntimeDefault",
	} {
		if !ok {
			t.Errorf("%s: the pod is %+v", what, template)
		}
	}
}

func TestReplicasOfTheOperatorAreNotAllEvictedAtOnce(t *testing.T) {
	const budget = "PodDisruptionBudget/" + namespace + "/realtime-operator"
	if one := render(t); one[budget] != nil || len(operatorPod(t, one).Spec.TopologySpreadConstraints) > 0 {
		t.Error("a single replica has a budget, or is spread")
	}
	two := render(t, "--set", "replicas=2")
	var pdb policyv1.PodDisruptionBudget
	if two[budget] == nil {
		t.Fatal("there is no budget")
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(two[budget].Object, &pdb, true); err != nil {
		t.Fatal(err)
	}
	template := operatorPod(t, two)
	for key, value := range pdb.Spec.Selector.MatchLabels {
		if template.Labels[key] != value {
			t.Errorf("the budget is for pods with %s=%s", key, value)
		}
	}
	if pdb.Spec.MaxUnavailable.IntValue() != 1 || *pdb.Spec.UnhealthyPodEvictionPolicy != policyv1.AlwaysAllow {
		t.Errorf("budget %+v", pdb.Spec)
	}
	spread := template.Spec.TopologySpreadConstraints
	if len(spread) != 1 || spread[0].WhenUnsatisfiable != "ScheduleAnyway" || !cmp.Equal(spread[0].LabelSelector, pdb.Spec.Selector) {
		t.Errorf("spread %+v", spread)
	}
}

func TestOpenShiftAssignsTheOperatorsUserID(t *testing.T) {
	for name, test := range map[string]struct {
		flags    []string
		assigned bool
		arg      string
	}{
		"another cluster":         {nil, false, ""},
		"OpenShift":               {[]string{"--api-versions", "security.openshift.io/v1"}, true, ""},
		"OpenShift, and never":    {[]string{"--api-versions", "security.openshift.io/v1", "--set", "assignedUserIDs=Never"}, false, "--assigned-user-ids=Never"},
		"always, as GitOps needs": {[]string{"--set", "assignedUserIDs=Always"}, true, "--assigned-user-ids=Always"},
	} {
		objects := render(t, test.flags...)
		security := operatorPod(t, objects).Spec.SecurityContext
		if assigned := security.RunAsUser == nil && security.RunAsGroup == nil; assigned != test.assigned || !*security.RunAsNonRoot {
			t.Errorf("%s: %+v", name, security)
		}
		if strings.Contains(strings.Join(args(t, objects), " "), "--assigned-user-ids") != (test.arg != "") || test.arg != "" && !hasArg(t, objects, test.arg) {
			t.Errorf("%s: args %q", name, args(t, objects))
		}
	}
	if diff := cmp.Diff(
		plain(render(t, "--api-versions", "security.openshift.io/v1")["Deployment/"+namespace+"/realtime-operator"]),
		plain(kustomizeAt(t, "../config/openshift")["Deployment/"+namespace+"/realtime-operator"]),
	); diff != "" {
		t.Errorf("config/openshift differs (-helm +kustomize):\n%s", diff)
	}
}

// A cluster without internet needs all images from a registry of its own, by tag or by digest.
func TestAllImagesAreNamedInOnePlace(t *testing.T) {
	const mirror = "registry.internal/mirror/"
	chart := render(t, "--set", "image.repository="+mirror+"realtime,image.digest="+digest, "--set", "nats.image="+mirror+"nats:2.15.3")

	overlay := t.TempDir()
	if err := os.CopyFS(overlay, os.DirFS("../config")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(overlay, "default/kustomization.yaml")
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.NewReplacer(
		"  newTag: 0.1.0\n", "  newName: "+mirror+"realtime\n  digest: "+digest+"\n",
		"  newTag: 2.15.3\n", "  newName: "+mirror+"nats\n  newTag: 2.15.3\n",
	).Replace(string(source))
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}

	for name, objects := range map[string]objects{"chart": chart, "kustomize": kustomizeAt(t, filepath.Join(overlay, "default"))} {
		want := map[string]string{
			"operator": mirror + "realtime@" + digest, "gateway": mirror + "realtime@" + digest, "nats": mirror + "nats:2.15.3",
		}
		env := environment(t, objects)
		if !hasArg(t, objects, "--gateway-image=$(RELATED_IMAGE_GATEWAY)") || !hasArg(t, objects, "--nats-image=$(RELATED_IMAGE_NATS)") {
			t.Errorf("%s: args %q", name, args(t, objects))
		}
		got := map[string]string{"operator": image(t, objects), "gateway": env["RELATED_IMAGE_GATEWAY"], "nats": env["RELATED_IMAGE_NATS"]}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
