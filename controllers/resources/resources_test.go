// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8slabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// service is one as the API server has it: with its defaults. Edit changes its spec.
func service(t *testing.T, edit ...func(*v1alpha1.RealtimeServiceSpec)) *v1alpha1.RealtimeService {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte(`
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: chat, namespace: talk, uid: "4711"}
spec: {namespaces: [{name: /, handlers: [{event: hi, do: [{emit: {event: hello}}]}]}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range edit {
		e(&svc.Spec)
	}
	return svc
}

func named(secret string) func(*v1alpha1.RealtimeServiceSpec) {
	return func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.NATS = &v1alpha1.NATSSpec{URLs: []string{"nats://a:4222", "tls://b:4222"}}
		if secret != "" {
			spec.NATS.CredentialsSecretRef = &corev1.LocalObjectReference{Name: secret}
		}
	}
}

// all are the objects of a service with an autoscaler and its own NATS.
func all(t *testing.T) []metav1.Object {
	t.Helper()
	svc := service(t, func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Gateway.Autoscaling = &v1alpha1.AutoscalingSpec{MaxReplicas: 3}
	}, withAPI)
	config, err := ConfigMap(svc, 0)
	if err != nil {
		t.Fatal(err)
	}
	certificate, _ := NATSCertificate(svc, nil)
	return []metav1.Object{
		GatewayDeployment(svc, "image"), GatewayService(svc), GatewayServiceAccount(svc), GatewayDisruptionBudget(svc),
		GatewayAutoscaler(svc, 1), APIService(svc), config, natsSet(svc), NATSService(svc), NATSDisruptionBudget(svc),
		NATSServiceAccount(svc), NATSConfigMap(svc, false), certificate, NATSCredentials(svc, Credentials{"a", "b"}), GatewayPeers(svc, nil),
	}
}

// natsSet runs the NATS of a service that has nothing to be updated from.
func natsSet(svc *v1alpha1.RealtimeService) *appsv1.StatefulSet {
	return NATSStatefulSet(svc, "nats", NATSConfigMap(svc, false), NATSIdentity{Credentials{"a", "b"}, "c", ""})
}

func TestEveryObjectBelongsToItsService(t *testing.T) {
	svc := service(t)
	for _, object := range all(t) {
		if object.GetNamespace() != "talk" || !strings.HasPrefix(object.GetName(), "chat") {
			t.Errorf("%T is %s/%s", object, object.GetNamespace(), object.GetName())
		}
		if !metav1.IsControlledBy(object, svc) {
			t.Errorf("%s has owners %v", object.GetName(), object.GetOwnerReferences())
		}
		for _, label := range []string{LabelName, LabelInstance, LabelComponent, LabelPartOf, LabelManagedBy, LabelService} {
			if object.GetLabels()[label] == "" {
				t.Errorf("%T %s has no label %s", object, object.GetName(), label)
			}
		}
	}
}

func TestSelectorsFindTheirPodsAndNoOthers(t *testing.T) {
	svc := service(t)
	gateways := k8slabels.Set(GatewayDeployment(svc, "image").Spec.Template.Labels)
	nats := k8slabels.Set(natsSet(svc).Spec.Template.Labels)
	for name, test := range map[string]struct {
		selector map[string]string
		gateways bool
	}{
		"Deployment":           {GatewayDeployment(svc, "image").Spec.Selector.MatchLabels, true},
		"Service":              {GatewayService(svc).Spec.Selector, true},
		"PodDisruptionBudget":  {GatewayDisruptionBudget(svc).Spec.Selector.MatchLabels, true},
		"StatefulSet":          {natsSet(svc).Spec.Selector.MatchLabels, false},
		"Service of the NATS":  {NATSService(svc).Spec.Selector, false},
		"the scale's selector": {GatewaySelector("chat"), true},
	} {
		selector := k8slabels.SelectorFromSet(test.selector)
		if selector.Matches(gateways) != test.gateways || selector.Matches(nats) == test.gateways {
			t.Errorf("%s selects %v", name, test.selector)
		}
	}
	other := svc.DeepCopy()
	other.Name = "games"
	if k8slabels.SelectorFromSet(GatewaySelector("chat")).Matches(k8slabels.Set(GatewayDeployment(other, "image").Spec.Template.Labels)) {
		t.Error("a service selects another one's gateways")
	}
}

func TestPodsAreRestricted(t *testing.T) {
	svc := service(t)
	for name, pod := range map[string]corev1.PodSpec{
		"gateway": GatewayDeployment(svc, "image").Spec.Template.Spec,
		"NATS":    natsSet(svc).Spec.Template.Spec,
	} {
		if s := pod.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: security context %+v", name, s)
		}
		if *pod.AutomountServiceAccountToken || *pod.EnableServiceLinks || pod.ServiceAccountName == "" {
			t.Errorf("%s: holds what it does not need", name)
		}
		s := pod.Containers[0].SecurityContext
		if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) {
			t.Errorf("%s: container's security context %+v", name, s)
		}
	}
	if *GatewayServiceAccount(svc).AutomountServiceAccountToken {
		t.Error("the gateway's ServiceAccount mounts its token")
	}
}

func TestGatewayArguments(t *testing.T) {
	tests := []struct {
		name       string
		service    *v1alpha1.RealtimeService
		have, lack []string
	}{
		{
			"with its own NATS", service(t),
			[]string{
				"gateway", "--config=/etc/realtime/config/service.yaml", "--name=$(POD_NAME)", "--revision=$(POD_REVISION)", "--nats-url=tls://chat-nats.talk.svc:4222",
				"--nats-credentials-dir=/etc/realtime/nats", "--listen=:3000", "--ops-listen=:9090", "--client-dir=/client", "--drain=20s", "--drain-limit=20s",
			}, nil,
		},
		{
			"with a named NATS", service(t, named("")),
			[]string{"--nats-url=nats://a:4222", "--nats-url=tls://b:4222"}, []string{"--nats-credentials-dir=/etc/realtime/nats"},
		},
		{
			"with a named NATS and credentials", service(t, named("secret")),
			[]string{"--nats-credentials-dir=/etc/realtime/nats"}, nil,
		},
		{
			"with a short grace", service(t, func(s *v1alpha1.RealtimeServiceSpec) { s.Gateway.TerminationGracePeriodSeconds = ptr.To[int64](1) }),
			[]string{"--drain=667ms", "--drain-limit=667ms"}, []string{"--webtransport-listen=:3000"},
		},
		{
			"with WebTransport", service(t, withWebTransport),
			[]string{"--webtransport-listen=:3000", "--webtransport-certificate-dir=/etc/realtime/webtransport"}, nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := GatewayDeployment(tt.service, "image").Spec.Template.Spec.Containers[0].Args
			for _, arg := range tt.have {
				if !slices.Contains(args, arg) {
					t.Errorf("%q lacks %s", args, arg)
				}
			}
			for _, arg := range tt.lack {
				if slices.Contains(args, arg) {
					t.Errorf("%q has %s", args, arg)
				}
			}
		})
	}
}

func TestGatewaysMountWhatTheyRead(t *testing.T) {
	for name, test := range map[string]struct {
		service *v1alpha1.RealtimeService
		secret  string
	}{
		"own NATS":                {service(t), "chat-nats-credentials"},
		"a named one":             {service(t, named("")), ""},
		"a named one with secret": {service(t, named("theirs")), "theirs"},
	} {
		pod := GatewayDeployment(test.service, "image").Spec.Template.Spec
		secret, peers, config := "", "", ""
		for _, volume := range pod.Volumes {
			switch {
			case volume.Secret != nil && volume.Name == peerVolume:
				peers = volume.Secret.SecretName
				if keys := fmt.Sprint(volume.Secret.Items); len(volume.Secret.Items) != 4 || strings.Contains(keys, "ca.key") || strings.Contains(keys, "operator") {
					t.Errorf("%s: a gateway gets %s", name, keys)
				}
			case volume.Secret != nil:
				secret = volume.Secret.SecretName
			case volume.Projected != nil:
				secret = volume.Projected.Sources[0].Secret.Name
			}
			if volume.ConfigMap != nil {
				config = volume.ConfigMap.Name
			}
		}
		if secret != test.secret || peers != "chat-gateway-peers" || config != "chat-config" {
			t.Errorf("%s: mounts the Secrets %q and %q, and ConfigMap %q", name, secret, peers, config)
		}
		for _, mount := range pod.Containers[0].VolumeMounts {
			if mount.SubPath != "" {
				t.Errorf("%s: %s is mounted by subPath, and would never change", name, mount.Name)
			}
		}
		if len(pod.Containers[0].VolumeMounts) != len(pod.Volumes) {
			t.Errorf("%s: not all volumes are mounted", name)
		}
		if got := UsesOwnNATS(test.service, GatewayDeployment(test.service, "image")); got != OwnNATS(test.service) {
			t.Errorf("%s: UsesOwnNATS is %v", name, got)
		}
	}
}

func TestPodTemplateFollowsTheManifest(t *testing.T) {
	svc := service(t, func(s *v1alpha1.RealtimeServiceSpec) {
		s.Gateway.Image = "mine:1"
		s.Gateway.NodeSelector = map[string]string{"disk": "none"}
		s.Gateway.Tolerations = []corev1.Toleration{{Key: "edge", Operator: corev1.TolerationOpExists}}
		s.Gateway.PodAnnotations = map[string]string{"a": "b"}
		s.Gateway.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
		s.Gateway.TerminationGracePeriodSeconds = ptr.To[int64](150)
	})
	template := GatewayDeployment(svc, "image").Spec.Template
	pod := template.Spec
	if pod.Containers[0].Image != "mine:1" || pod.NodeSelector["disk"] != "none" || pod.Tolerations[0].Key != "edge" ||
		template.Annotations["a"] != "b" || pod.ImagePullSecrets[0].Name != "pull" || *pod.TerminationGracePeriodSeconds != 150 {
		t.Errorf("pod template %+v", template)
	}
	if !slices.Contains(pod.Containers[0].Args, "--drain=1m40s") {
		t.Errorf("args %q", pod.Containers[0].Args)
	}
	if got := GatewayDeployment(service(t), "image").Spec.Template.Spec.Containers[0].Image; got != "image" {
		t.Errorf("image %q, want the operator's", got)
	}
}

func TestHandlersDoNotChangeThePodTemplate(t *testing.T) {
	before := GatewayDeployment(service(t), "image")
	after := GatewayDeployment(service(t, func(s *v1alpha1.RealtimeServiceSpec) {
		s.Namespaces = append(s.Namespaces, v1alpha1.Namespace{Name: "/more"})
		s.Protocol.Path = "/other/"
	}), "image")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
	if before.Spec.Replicas != nil {
		t.Error("the Deployment says how many gateways there are")
	}
}

func TestConfigMapIsTheServiceAsGatewaysReadIt(t *testing.T) {
	svc := service(t)
	config, err := ConfigMap(svc, 7)
	if err != nil {
		t.Fatal(err)
	}
	var read v1alpha1.RealtimeService
	if err := yaml.UnmarshalStrict([]byte(config.Data[ConfigKey]), &read); err != nil {
		t.Fatal(err)
	}
	if read.Kind != "RealtimeService" || read.APIVersion != "realtime-operator.io/v1alpha1" || read.Name != "chat" || read.Namespace != "talk" {
		t.Errorf("head %+v %+v", read.TypeMeta, read.ObjectMeta)
	}
	if a, b := gatewayconfig.Sequence(read.Annotations), gatewayconfig.Sequence(config.Annotations); a != 7 || b != 7 {
		t.Errorf("the numbers are %d and %d", a, b)
	}
	if diff := cmp.Diff(svc.Spec.Namespaces, read.Spec.Namespaces); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(svc.Spec.Protocol, read.Spec.Protocol, cmp.Comparer(sameNumber)); diff != "" {
		t.Error(diff)
	}
}

func TestScalingDoesNotChangeTheConfiguration(t *testing.T) {
	before, err := ConfigMap(service(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	after, err := ConfigMap(service(t, func(s *v1alpha1.RealtimeServiceSpec) { s.Gateway.Replicas = ptr.To[int32](9) }), 0)
	if err != nil {
		t.Fatal(err)
	}
	if gatewaystatus.Revision([]byte(before.Data[ConfigKey])) != gatewaystatus.Revision([]byte(after.Data[ConfigKey])) {
		t.Error("it does")
	}
}

func TestServiceIsWhatTheManifestSays(t *testing.T) {
	s := GatewayService(service(t, func(s *v1alpha1.RealtimeServiceSpec) {
		s.Gateway.Service = v1alpha1.GatewayServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Port: 8443, Annotations: map[string]string{"cloud": "yes"},
		}
	}))
	if s.Name != "chat" || s.Spec.Type != corev1.ServiceTypeLoadBalancer || s.Annotations["cloud"] != "yes" {
		t.Errorf("service %+v", s)
	}
	if len(s.Spec.Ports) != 1 || s.Spec.Ports[0].Port != 8443 || s.Spec.Ports[0].TargetPort.StrVal != "socketio" {
		t.Errorf("ports %+v", s.Spec.Ports)
	}
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		t.Error("clients stick")
	}
}

func TestAutoscalerAimsAtTheDeployment(t *testing.T) {
	if got := GatewayAutoscaler(service(t), 1); got != nil {
		t.Errorf("without autoscaling there is %+v", got)
	}
	behavior := &autoscalingv2.HorizontalPodAutoscalerBehavior{
		ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: ptr.To[int32](20)},
	}
	svc := service(t, func(s *v1alpha1.RealtimeServiceSpec) {
		s.Gateway.Autoscaling = &v1alpha1.AutoscalingSpec{
			MinReplicas: ptr.To[int32](2), MaxReplicas: 7, TargetCPUUtilizationPercentage: ptr.To[int32](55), Behavior: behavior,
		}
	})
	spec := GatewayAutoscaler(svc, 4).Spec
	if spec.ScaleTargetRef.Kind != "Deployment" || spec.ScaleTargetRef.Name != GatewayDeployment(svc, "image").Name {
		t.Errorf("target %+v", spec.ScaleTargetRef)
	}
	if *spec.MinReplicas != 4 || spec.MaxReplicas != 7 || *spec.Metrics[0].Resource.Target.AverageUtilization != 55 {
		t.Errorf("spec %+v", spec)
	}
	if diff := cmp.Diff(behavior, spec.Behavior); diff != "" {
		t.Errorf("its behavior is another: %s", diff)
	}
	svc.Spec.Gateway.Autoscaling.TargetCPUUtilizationPercentage = ptr.To[int32](0)
	if got := GatewayAutoscaler(svc, 4); got != nil {
		t.Errorf("although CPU does not count there is %+v", got)
	}
}

func TestLongestNamesFit(t *testing.T) {
	svc := service(t)
	svc.Name = strings.Repeat("a", 45)
	for _, name := range []string{GatewayName(svc.Name), ConfigMapName(svc.Name), NATSCredentialsName(svc.Name), natsConfigName(svc.Name), NATSCertificateName(svc.Name)} {
		if len(name) > 63 {
			t.Errorf("%s has %d characters", name, len(name))
		}
	}
	// A pod is named after its ReplicaSet, which is named after its Deployment.
	if pod := GatewayName(svc.Name) + "-7d9c5b8f6d-abcde"; len(pod) > 253 {
		t.Errorf("%s is too long", pod)
	}
}
