// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// everySetting has a value in each field of PodSettings.
func everySetting() v1alpha1.PodSettings {
	return v1alpha1.PodSettings{
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "pull"}},
		NodeSelector:     map[string]string{"pool": "edge"},
		Tolerations:      []corev1.Toleration{{Key: "edge", Operator: corev1.TolerationOpExists}},
		Affinity: &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: corev1.LabelHostname}},
		}},
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{MaxSkew: 2, TopologyKey: "rack", WhenUnsatisfiable: corev1.DoNotSchedule}},
		PriorityClassName:         "high",
		PodLabels:                 map[string]string{"team": "chat", LabelComponent: "theirs"},
		PodAnnotations:            map[string]string{"note": "kept"},
	}
}

func managed(edit func(*v1alpha1.ManagedNATSSpec)) func(*v1alpha1.RealtimeServiceSpec) {
	return func(s *v1alpha1.RealtimeServiceSpec) {
		s.NATS = &v1alpha1.NATSSpec{Managed: &v1alpha1.ManagedNATSSpec{}}
		edit(s.NATS.Managed)
	}
}

func TestPodsHaveTheSettingsOfTheManifest(t *testing.T) {
	svc := service(t,
		func(s *v1alpha1.RealtimeServiceSpec) { s.Gateway.PodSettings = everySetting() },
		managed(func(m *v1alpha1.ManagedNATSSpec) { m.PodSettings = everySetting() }))
	want := everySetting()
	for component, template := range map[string]corev1.PodTemplateSpec{
		componentGateway: GatewayDeployment(svc, "image").Spec.Template,
		componentNATS:    natsSet(svc).Spec.Template,
	} {
		pod := template.Spec
		got := v1alpha1.PodSettings{
			ImagePullSecrets: pod.ImagePullSecrets, NodeSelector: pod.NodeSelector, Tolerations: pod.Tolerations,
			Affinity: pod.Affinity, PriorityClassName: pod.PriorityClassName,
			TopologySpreadConstraints: pod.TopologySpreadConstraints, PodLabels: template.Labels, PodAnnotations: template.Annotations,
		}
		want.TopologySpreadConstraints[0].LabelSelector = &metav1.LabelSelector{MatchLabels: selector("chat", component)}
		want.TopologySpreadConstraints[0].MatchLabelKeys = map[string][]string{componentGateway: {"pod-template-hash"}}[component]
		want.PodLabels = with(map[string]string{"team": "chat"}, labels("chat", component))
		for _, ours := range []string{annotationNATSRevision, annotationNATSTLS} {
			delete(got.PodAnnotations, ours)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", component, diff)
		}
	}
}

func TestAnnotationsOfTheOperatorWin(t *testing.T) {
	theirs := map[string]string{annotationNATSRevision: "theirs", annotationNATSTLS: "theirs"}
	svc := service(t, func(s *v1alpha1.RealtimeServiceSpec) { s.Gateway.PodAnnotations = theirs },
		managed(func(m *v1alpha1.ManagedNATSSpec) { m.PodAnnotations = theirs }))
	if got := GatewayDeployment(svc, "image").Spec.Template.Annotations[annotationNATSTLS]; got != "required" {
		t.Errorf("gateway: %s", got)
	}
	if got := natsSet(svc).Spec.Template.Annotations[annotationNATSRevision]; got == "theirs" {
		t.Errorf("NATS: %s", got)
	}
}

func TestSelectorOfASpreadIsKept(t *testing.T) {
	theirs := corev1.TopologySpreadConstraint{
		MaxSkew: 1, TopologyKey: "rack", WhenUnsatisfiable: corev1.DoNotSchedule,
		LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "chat"}},
	}
	counted := corev1.TopologySpreadConstraint{
		MaxSkew: 1, TopologyKey: "zone", WhenUnsatisfiable: corev1.DoNotSchedule, MatchLabelKeys: []string{"color"},
	}
	svc := service(t, func(s *v1alpha1.RealtimeServiceSpec) {
		s.Gateway.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{theirs, counted}
	})
	got := GatewayDeployment(svc, "image").Spec.Template.Spec.TopologySpreadConstraints
	counted.LabelSelector = &metav1.LabelSelector{MatchLabels: GatewaySelector("chat")}
	if diff := cmp.Diff([]corev1.TopologySpreadConstraint{theirs, counted}, got); diff != "" {
		t.Error(diff)
	}
	if svc.Spec.Gateway.TopologySpreadConstraints[1].LabelSelector != nil {
		t.Error("the manifest was changed")
	}
}

func TestGatewaysAreSpreadSoftlyByDefault(t *testing.T) {
	var keys []string
	for _, c := range GatewayDeployment(service(t), "image").Spec.Template.Spec.TopologySpreadConstraints {
		keys = append(keys, c.TopologyKey)
		if c.WhenUnsatisfiable != corev1.ScheduleAnyway || c.MaxSkew != 1 || !slices.Equal(c.MatchLabelKeys, []string{"pod-template-hash"}) ||
			!cmp.Equal(c.LabelSelector.MatchLabels, GatewaySelector("chat")) {
			t.Errorf("constraint %+v", c)
		}
	}
	if !slices.Equal(keys, []string{corev1.LabelHostname, corev1.LabelTopologyZone}) {
		t.Errorf("they are spread over %q", keys)
	}
}

func TestEnvironmentOfTheManifestIsBehindTheOperators(t *testing.T) {
	svc := service(t, func(s *v1alpha1.RealtimeServiceSpec) {
		s.Gateway.Env = []corev1.EnvVar{{Name: "OTEL_RESOURCE_ATTRIBUTES", Value: "pod=$(POD_NAME)"}}
	})
	var names []string
	for _, variable := range GatewayDeployment(svc, "image").Spec.Template.Spec.Containers[0].Env {
		names = append(names, variable.Name)
	}
	if !slices.Equal(names, []string{"POD_NAME", "POD_IP", "POD_REVISION", "OTEL_RESOURCE_ATTRIBUTES"}) {
		t.Errorf("environment %q", names)
	}
	for _, variable := range gatewayEnv(service(t)) {
		if !v1alpha1.ReservedEnv(variable.Name) {
			t.Errorf("the manifest may set %s, which the operator sets", variable.Name)
		}
	}
}

func TestLabelsOfTheOperatorAreReserved(t *testing.T) {
	for key := range labels("chat", componentGateway) {
		if !v1alpha1.ReservedLabel(key) {
			t.Errorf("the manifest may set %s", key)
		}
	}
}

func TestClusterThatAssignsUserIDsFindsNone(t *testing.T) {
	svc := service(t, withRecovery(v1alpha1.StorageSpec{}))
	for name, pod := range map[string]corev1.PodSpec{
		"gateway": GatewayDeployment(svc, "image").Spec.Template.Spec, "NATS": natsSet(svc).Spec.Template.Spec,
	} {
		if s := pod.SecurityContext; *s.RunAsUser != nobody || *s.RunAsGroup != nobody || *s.FSGroup != nobody {
			t.Errorf("%s: by default it is %+v", name, s)
		}
		AssignUserIDs(&pod)
		s := pod.SecurityContext
		if s.RunAsUser != nil || s.RunAsGroup != nil || s.FSGroup != nil {
			t.Errorf("%s: ids are left in %+v", name, s)
		}
		if !*s.RunAsNonRoot || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: it is less restricted: %+v", name, s)
		}
	}
}

func TestNATSHasABoundOfMemoryThatItKnows(t *testing.T) {
	limitOf := func(pod corev1.PodSpec) (limit, known string) {
		for _, variable := range pod.Containers[0].Env {
			if variable.Name == "GOMEMLIMIT" {
				known = variable.Value
			}
		}
		return pod.Containers[0].Resources.Limits.Memory().String(), known
	}
	tests := map[string]struct {
		resources    *corev1.ResourceRequirements
		limit, known string
	}{
		"default":    {nil, "1Gi", "966367638B"},
		"its own":    {&corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("100M")}}, "100M", "90000000B"},
		"none":       {&corev1.ResourceRequirements{}, "0", ""},
		"only a CPU": {&corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}}, "0", ""},
	}
	for name, test := range tests {
		svc := service(t, managed(func(m *v1alpha1.ManagedNATSSpec) { m.Resources = test.resources }))
		if limit, known := limitOf(natsSet(svc).Spec.Template.Spec); limit != test.limit || known != test.known {
			t.Errorf("%s: a limit of %s, and GOMEMLIMIT=%s", name, limit, known)
		}
	}
	if !cmp.Equal(natsSet(service(t)), natsSet(service(t, managed(func(*v1alpha1.ManagedNATSSpec) {})))) {
		t.Error("managed: {} is another NATS than none")
	}
}

func TestNATSOfTheManifest(t *testing.T) {
	svc := service(t, func(s *v1alpha1.RealtimeServiceSpec) {
		s.Gateway.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
	}, managed(func(m *v1alpha1.ManagedNATSSpec) { m.Image = "mirror/nats:1" }))
	pod := natsSet(svc).Spec.Template.Spec
	if pod.Containers[0].Image != "mirror/nats:1" || pod.ImagePullSecrets[0].Name != "pull" {
		t.Errorf("image %s, with %v", pod.Containers[0].Image, pod.ImagePullSecrets)
	}
	if !OwnNATS(svc) || OwnNATS(service(t, named(""))) {
		t.Error("managed NATS is not the operator's, or a named one is")
	}
}

// A budget that permits no eviction blocks the drain of a node for good.
func TestBudgetsLetNodesDrain(t *testing.T) {
	svc := service(t)
	for name, budget := range map[string]*policyv1.PodDisruptionBudget{"gateways": GatewayDisruptionBudget(svc), "NATS": NATSDisruptionBudget(svc)} {
		if budget.Spec.MaxUnavailable.IntValue() != 1 || *budget.Spec.UnhealthyPodEvictionPolicy != policyv1.AlwaysAllow {
			t.Errorf("%s: %+v", name, budget.Spec)
		}
	}
	if diff := cmp.Diff(natsSet(svc).Spec.Selector, NATSDisruptionBudget(svc).Spec.Selector); diff != "" {
		t.Error(diff)
	}
}

func TestPortsSayWhatTheyCarry(t *testing.T) {
	svc := service(t, withAPI, withWebTransport)
	want := map[string]string{"socketio": "kubernetes.io/ws", "webtransport": "", "api": "http", "nats": "tcp"}
	got := map[string]string{}
	for _, s := range []*corev1.Service{GatewayService(svc), APIService(svc), NATSService(svc)} {
		for _, port := range s.Spec.Ports {
			got[port.Name] = ""
			if port.AppProtocol != nil {
				got[port.Name] = *port.AppProtocol
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
