// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// beginRollout writes what the Deployment's controller does when it begins to replace gateways: the
// status, and a new ReplicaSet, with a condition if that is not empty.
func (s *service) beginRollout(revision, failure string, updated int32) {
	s.t.Helper()
	d := &appsv1.Deployment{}
	change(s, "chat-gateway", d, func(d *appsv1.Deployment) {
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, revisionAnnotation, revision)
	})
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.namespace, Name: "chat-gateway-" + revision,
			Labels:      withHash(resources.GatewaySelector("chat"), revision),
			Annotations: map[string]string{revisionAnnotation: revision},
		},
		Spec: appsv1.ReplicaSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: withHash(resources.GatewaySelector("chat"), revision)},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: withHash(resources.GatewaySelector("chat"), revision)},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "gateway", Image: "gateway:test"}}},
			},
		},
	}
	if err := s.Create(s.t.Context(), set); err != nil {
		s.t.Fatal(err)
	}
	if failure != "" {
		set.Status.Conditions = []appsv1.ReplicaSetCondition{{Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: failure}}
		if err := s.Status().Update(s.t.Context(), set); err != nil {
			s.t.Fatal(err)
		}
	}
	eventually(s.t, "writing the Deployment's status", func() error {
		s.get("chat-gateway", d)
		d.Status.ObservedGeneration = d.Generation
		d.Status.Replicas, d.Status.UpdatedReplicas = *d.Spec.Replicas+updated, updated
		return s.Status().Update(s.t.Context(), d)
	})
}

func withHash(labels map[string]string, hash string) map[string]string {
	labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	return labels
}

// pod makes a pod that does not run.
func (s *service) pod(name string, labels map[string]string, status corev1.PodStatus) *corev1.Pod {
	s.t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.namespace, Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "gateway", Image: "gateway:test"}}},
	}
	if err := s.Create(s.t.Context(), pod); err != nil {
		s.t.Fatal(err)
	}
	pod.Status = status
	if err := s.Status().Update(s.t.Context(), pod); err != nil {
		s.t.Fatal(err)
	}
	return pod
}

func waiting(container, image, reason, message string) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
		Name: container, Image: image, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
	}}}
}

// warn records an event as a controller or a kubelet does.
func (s *service) warn(kind string, about client.Object, reason, message string) {
	s.t.Helper()
	now := metav1.Now()
	event := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: "told-", Namespace: s.namespace},
		InvolvedObject: corev1.ObjectReference{Kind: kind, Namespace: s.namespace, Name: about.GetName(), UID: about.GetUID()},
		Type:           corev1.EventTypeWarning, Reason: reason, Message: message,
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}
	if err := s.Create(s.t.Context(), event); err != nil {
		s.t.Fatal(err)
	}
}

// warnings are the warnings about the service.
func (s *service) warnings(reason string) int {
	s.t.Helper()
	var list eventsv1.EventList
	if err := s.List(s.t.Context(), &list, client.InNamespace(s.namespace)); err != nil {
		s.t.Fatal(err)
	}
	n := 0
	for _, e := range list.Items {
		if e.Type == corev1.EventTypeWarning && e.Reason == reason && e.Regarding.Kind == "RealtimeService" {
			n++
			if e.Series != nil {
				n += int(e.Series.Count) - 1
			}
		}
	}
	return n
}

// newImage changes the image, and waits until the Deployment has it.
func (s *service) newImage(image string) {
	s.t.Helper()
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = image })
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("the image", d.Spec.Template.Spec.Containers[0].Image, image)
	})
}

// A tool that waits for Ready must not go on before a change is rolled out, and a person must see
// that the service still works, and what to mend.
func TestRolloutThatCannotEndIsNotReady(t *testing.T) {
	s, _, _ := withGateways(t)
	generation := s.live().Generation
	watching, err := client.NewWithWatch(s.admin, client.Options{Scheme: s.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	seen, err := watching.Watch(t.Context(), &v1alpha1.RealtimeServiceList{}, client.InNamespace(s.namespace))
	if err != nil {
		t.Fatal(err)
	}
	defer seen.Stop()

	s.newImage("gateway:typo")
	s.beginRollout("2", "", 1)
	labels := withHash(resources.GatewaySelector("chat"), "2")
	pod := s.pod("typo", labels, waiting("gateway", "gateway:typo", "ErrImagePull", "not found"))
	s.awaitMessage(v1alpha1.ConditionProgressing, metav1.ConditionFalse, status.ReasonImagePullBackOff, `image "gateway:typo" cannot be pulled: not found`)
	s.awaitMessage(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonImagePullBackOff, `image "gateway:typo" cannot be pulled: not found`)
	s.awaitMessage(v1alpha1.ConditionGatewaysAvailable, metav1.ConditionTrue, status.ReasonAvailable, "2 of 2 gateways are ready, 1 have the newest pod template")

	// The kubelet alternates between an error and the pause after it, and the problem is one.
	for range 3 {
		version := s.live().ResourceVersion
		pod.Status = waiting("gateway", "gateway:typo", "ImagePullBackOff", `Back-off pulling image "gateway:typo": ErrImagePull: not found`)
		if err := s.Status().Update(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		pod.Status = waiting("gateway", "gateway:typo", "ErrImagePull", "not found")
		if err := s.Status().Update(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		if now := s.live().ResourceVersion; now != version {
			t.Error("the status was written for the same problem")
		}
	}
	eventually(t, "it is told once", func() error { return want("warnings", s.warnings(status.ReasonImagePullBackOff), 1) })
	if meta.FindStatusCondition(s.live().Status.Conditions, v1alpha1.ConditionStalled) != nil {
		t.Error("it is taken for a failure before the Deployment's deadline")
	}
	d := &appsv1.Deployment{}
	s.get("chat-gateway", d)
	d.Status.Conditions = []appsv1.DeploymentCondition{{
		Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded", Message: "has timed out",
	}}
	if err := s.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	s.awaitMessage(v1alpha1.ConditionStalled, metav1.ConditionTrue, status.ReasonImagePullBackOff, "gateway:typo")

	// Back to an image that is there, of which all pods are ready at once.
	s.newImage("gateway:test")
	s.rollOut()
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, status.ReasonReady)
	s.awaitCondition(v1alpha1.ConditionProgressing, metav1.ConditionTrue, status.ReasonRolledOut)
	last := s.live()
	if meta.FindStatusCondition(last.Status.Conditions, v1alpha1.ConditionStalled) != nil {
		t.Error("it is still taken for a failure")
	}
	for event := range seen.ResultChan() {
		svc, ok := event.Object.(*v1alpha1.RealtimeService)
		if !ok || event.Type == watch.Error {
			t.Fatalf("the watch ended with %v", event.Object)
		}
		ready := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionReady)
		if ready != nil && ready.ObservedGeneration == generation+1 && ready.Status == metav1.ConditionTrue {
			t.Errorf("a tool that waits would have gone on: %+v", ready)
		}
		if svc.ResourceVersion == last.ResourceVersion {
			return
		}
	}
}

// The ReplicaSet of the newest revision is what counts, whatever older ones have met.
func TestAProblemOfAnOlderReplicaSetIsNotTold(t *testing.T) {
	s, _, _ := withGateways(t)
	const refused = `pods "chat-gateway-2-abcde" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2`
	s.newImage("gateway:2")
	s.beginRollout("2", refused, 0)
	s.awaitMessage(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonQuotaExceeded,
		"the namespace's quota refuses a pod: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2")
	s.awaitCondition(v1alpha1.ConditionGatewaysAvailable, metav1.ConditionTrue, status.ReasonAvailable)

	s.pod("old", withHash(resources.GatewaySelector("chat"), "2"), waiting("gateway", "gateway:2", "ImagePullBackOff", ""))
	s.newImage("gateway:3")
	s.beginRollout("3", "", 1)
	s.awaitMessage(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonRollingOut, "1 of 2 gateways have the newest pod template")
}

// The operator resumes a Deployment that somebody has paused, unless the service is paused, too.
func TestPausedDeploymentIsTold(t *testing.T) {
	s, _, _ := withGateways(t)
	s.annotate(v1alpha1.AnnotationPaused, "true")
	s.awaitCondition(v1alpha1.ConditionPaused, metav1.ConditionTrue, status.ReasonPaused)
	change(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) {
		d.Spec.Paused, d.Spec.Template.Spec.Containers[0].Image = true, "gateway:2"
	})
	s.beginRollout("2", "", 0)
	s.awaitMessage(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonDeploymentPaused, "kubectl rollout resume")

	s.annotate(v1alpha1.AnnotationPaused, "false")
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("whether it is paused", d.Spec.Paused, false)
	})
}

// What only events tell is read of a pod that takes long.
func TestEventsOfAPodThatTakesLongAreTold(t *testing.T) {
	for name, tt := range map[string]struct{ reason, message, told, want string }{
		"a missing volume":  {"FailedMount", `MountVolume.SetUp failed for volume "extra" : secret "extra" not found`, status.ReasonFailedMount, `secret "extra" not found`},
		"a probe":           {"Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", status.ReasonProbeFailing, "statuscode: 503"},
		"no network at all": {"FailedCreatePodSandBox", "plugin is not there", status.ReasonPodNotStarting, "FailedCreatePodSandBox: plugin is not there"},
	} {
		t.Run(name, func(t *testing.T) {
			c, namespace := useCluster(t)
			s := create(t, c, namespace, plain)
			s.awaitObjects()
			s.startNATS()
			s.beginRollout("1", "", 1)
			pod := s.pod("slow", withHash(resources.GatewaySelector("chat"), "1"), corev1.PodStatus{Phase: corev1.PodPending})
			s.warn("Pod", pod, tt.reason, tt.message)
			s.awaitMessage(v1alpha1.ConditionGatewaysAvailable, metav1.ConditionFalse, tt.told, "0 of 1 gateways are ready", tt.want)
			s.awaitMessage(v1alpha1.ConditionReady, metav1.ConditionFalse, tt.told, tt.want)
		})
	}
}

func TestNATSThatCannotStartIsTold(t *testing.T) {
	nats := func(t *testing.T, manifest string) (*service, *appsv1.StatefulSet) {
		c, namespace := useCluster(t)
		s := create(t, c, namespace, manifest)
		s.awaitObjects()
		set := &appsv1.StatefulSet{}
		s.get("chat-nats", set)
		return s, set
	}
	seen := func(s *service, set *appsv1.StatefulSet) {
		set.Status.ObservedGeneration = set.Generation
		if err := s.Status().Update(s.t.Context(), set); err != nil {
			s.t.Fatal(err)
		}
	}
	told := func(s *service, reason string, parts ...string) {
		s.t.Helper()
		s.awaitMessage(v1alpha1.ConditionNATSAvailable, metav1.ConditionFalse, reason, parts...)
		s.awaitMessage(v1alpha1.ConditionReady, metav1.ConditionFalse, reason, parts...)
	}
	t.Run("its pod is refused", func(t *testing.T) {
		s, set := nats(t, plain)
		s.warn("StatefulSet", set, "FailedCreate", `create Pod chat-nats-0 in StatefulSet chat-nats failed error: pods "chat-nats-0" is forbidden: failed quota: strict: must specify limits.cpu for: nats`)
		seen(s, set)
		told(s, status.ReasonQuotaExceeded, "failed quota: strict: must specify limits.cpu for: nats")
	})
	t.Run("its image is not there", func(t *testing.T) {
		s, set := nats(t, plain)
		seen(s, set)
		s.pod("chat-nats-0", resources.NATSSelector("chat"), waiting("nats", "nats:typo", "ImagePullBackOff", `Back-off pulling image "nats:typo"`))
		told(s, status.ReasonImagePullBackOff, `image "nats:typo" cannot be pulled`)
	})
	t.Run("its claim has no volume", func(t *testing.T) {
		s, set := nats(t, "spec: {recovery: {storage: {persistent: true}}, namespaces: [{name: /}]}")
		claim := &corev1.PersistentVolumeClaim{}
		s.get("chat-nats", claim)
		claim.Status.Phase = corev1.ClaimPending
		if err := s.Status().Update(t.Context(), claim); err != nil {
			t.Fatal(err)
		}
		s.warn("PersistentVolumeClaim", claim, "ProvisioningFailed", `storageclass.storage.k8s.io "fast" not found`)
		seen(s, set)
		told(s, status.ReasonVolumePending, `PersistentVolumeClaim chat-nats has no volume: storageclass.storage.k8s.io "fast" not found`)
	})
}

func TestMissingReferencesAreTold(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, `
spec:
  api: {tokenSecretRef: {name: programs}}
  authentication:
  - {name: devices, tokens: {secretRef: {name: devices}, from: [query.token]}}
  namespaces: [{name: /, authentication: [devices]}]
`)
	s.awaitMessage(v1alpha1.ConditionResolvedRefs, metav1.ConditionFalse, status.ReasonSecretMissing,
		"Secret programs, which spec.api.tokenSecretRef names, does not exist; Secret devices, which spec.authentication names, does not exist")
	s.awaitMessage(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonSecretMissing, "Secret programs")
	secret := func(name string, data map[string][]byte) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
	}
	programs := secret("programs", nil)
	if err := errors.Join(c.Create(t.Context(), programs), c.Create(t.Context(), secret("devices", nil))); err != nil {
		t.Fatal(err)
	}
	s.awaitMessage(v1alpha1.ConditionResolvedRefs, metav1.ConditionFalse, status.ReasonKeyMissing, "Secret programs, which spec.api.tokenSecretRef names, has no token")
	change(s, "programs", programs, func(secret *corev1.Secret) { secret.Data = map[string][]byte{"token": []byte("t")} })
	s.awaitCondition(v1alpha1.ConditionResolvedRefs, metav1.ConditionTrue, status.ReasonResolved)
	s.startNATS()
	s.rollOut()
	s.startGateway(t, namespace, "chat", "one", func(*fakeGateway) {})
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, status.ReasonReady)
	for _, reason := range []string{status.ReasonSecretMissing, status.ReasonKeyMissing} {
		if n := s.warnings(reason); n < 1 || n > 2 {
			t.Errorf("%s was told %d times", reason, n)
		}
	}
}

// A configuration map of authorities that is missing keeps no gateway from starting.
func TestMissingConfigMapIsTold(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, `
spec:
  authentication:
  - {name: users, jwt: {issuer: i, audiences: [c], jwks: {url: "https://id.example.com/keys", ca: {configMapRef: {name: authorities}}}}, allow: "true", user: claims.sub}
  namespaces: [{name: /, authentication: [users]}]
`)
	s.awaitMessage(v1alpha1.ConditionResolvedRefs, metav1.ConditionFalse, status.ReasonConfigMapMissing, "ConfigMap authorities, which spec.authentication names, does not exist")
	if err := c.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "authorities"}}); err != nil {
		t.Fatal(err)
	}
	s.awaitCondition(v1alpha1.ConditionResolvedRefs, metav1.ConditionTrue, status.ReasonResolved)
}

// Clients can connect while NATS is away, and nothing of what was asked for is missing.
func TestReadyOutlastsNATS(t *testing.T) {
	s, _, _ := withGateways(t)
	set := &appsv1.StatefulSet{}
	s.get("chat-nats", set)
	set.Status.ReadyReplicas, set.Status.AvailableReplicas = 0, 0
	if err := s.Status().Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	s.awaitCondition(v1alpha1.ConditionNATSAvailable, metav1.ConditionFalse, status.ReasonStarting)
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionProgressing} {
		if !meta.IsStatusConditionTrue(s.live().Status.Conditions, kind) {
			t.Errorf("%s is %+v", kind, meta.FindStatusCondition(s.live().Status.Conditions, kind))
		}
	}
	s.awaitCondition(v1alpha1.ConditionProgressing, metav1.ConditionTrue, status.ReasonRolledOut)
}

// An autoscaler that adds gateways is no rollout, and a gateway that fails later is none.
func TestReadyOutlastsScalingAndFailures(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {autoscaling: {minReplicas: 1, maxReplicas: 9}}, namespaces: [{name: /}]}")
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonStarting)
	s.startNATS()
	s.rollOut()
	inForce := func(g *fakeGateway) {}
	s.startGateway(t, namespace, "chat", "one", inForce)
	s.startGateway(t, namespace, "chat", "two", inForce)
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, status.ReasonReady)
	scaled := func(replicas int32) {
		change(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) { d.Spec.Replicas = &replicas })
		s.rollOut()
		await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
			return want("gateways", svc.Status.Gateways, fmt.Sprintf("2/%d", replicas))
		})
	}
	scaled(5)
	s.turn("two", corev1.ConditionFalse)
	s.awaitMessage(v1alpha1.ConditionGatewaysAvailable, metav1.ConditionFalse, status.ReasonStarting, "1 of 5")
	ready := meta.FindStatusCondition(s.live().Status.Conditions, v1alpha1.ConditionReady)
	if ready.Status != metav1.ConditionTrue {
		t.Errorf("Ready is %+v", ready)
	}
}
