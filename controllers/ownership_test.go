// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/apply"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// everything is a service with all objects that the operator makes.
const everything = `spec:
  gateway: {autoscaling: {maxReplicas: 3}}
  recovery: {storage: {persistent: true}}
  networkPolicy: {}
  namespaces: [{name: /}]`

// specOf returns what of an object is the operator's alone.
func specOf(object client.Object) any {
	switch o := object.DeepCopyObject().(type) {
	case *appsv1.Deployment:
		o.Spec.Template.Annotations, o.Spec.Replicas = nil, nil
		return o.Spec
	case *appsv1.StatefulSet:
		o.Spec.Template.Annotations = nil
		return o.Spec
	case *corev1.Service:
		for i := range o.Spec.Ports {
			o.Spec.Ports[i].NodePort = 0
		}
		return []any{o.Spec.Ports, o.Spec.Selector, o.Spec.SessionAffinity, o.Spec.SessionAffinityConfig, o.Spec.PublishNotReadyAddresses}
	case *corev1.ConfigMap:
		return []any{o.Data, o.BinaryData}
	case *corev1.Secret:
		return o.Data
	case *policyv1.PodDisruptionBudget:
		return o.Spec
	case *networkingv1.NetworkPolicy:
		return o.Spec
	case *autoscalingv2.HorizontalPodAutoscaler:
		return o.Spec
	}
	panic(fmt.Sprintf("%T is no object of ours", object))
}

// As people and programs change them, each under a manager of its own.
func TestWhatOthersWriteInOurPartsIsSetBack(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, everything)
	s.awaitEverything()
	intruder := corev1.Container{Name: "intruder", Image: "x"}
	for name, test := range map[string]struct {
		object client.Object
		name   string
		how    func(client.Object)
	}{
		"variable of a gateway": {&appsv1.Deployment{}, "chat-gateway", func(o client.Object) {
			pod := &o.(*appsv1.Deployment).Spec.Template.Spec
			pod.Containers[0].Env = append(pod.Containers[0].Env, corev1.EnvVar{Name: "GODEBUG", Value: "x"})
		}},
		"container of a gateway": {&appsv1.Deployment{}, "chat-gateway", func(o client.Object) {
			pod := &o.(*appsv1.Deployment).Spec.Template.Spec
			pod.Containers = append(pod.Containers, intruder)
		}},
		"init container and volume of a gateway": {&appsv1.Deployment{}, "chat-gateway", func(o client.Object) {
			pod := &o.(*appsv1.Deployment).Spec.Template.Spec
			pod.InitContainers = append(pod.InitContainers, intruder)
			pod.Volumes = append(pod.Volumes, corev1.Volume{Name: "x", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
			pod.HostNetwork, pod.NodeName = true, "one"
		}},
		"paused Deployment": {&appsv1.Deployment{}, "chat-gateway", func(o client.Object) {
			o.(*appsv1.Deployment).Spec.Paused, o.(*appsv1.Deployment).Spec.MinReadySeconds = true, 7
		}},
		"strategy": {&appsv1.Deployment{}, "chat-gateway", func(o client.Object) {
			o.(*appsv1.Deployment).Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
		}},
		"variable of NATS": {&appsv1.StatefulSet{}, "chat-nats", func(o client.Object) {
			pod := &o.(*appsv1.StatefulSet).Spec.Template.Spec
			pod.Containers[0].Env = append(pod.Containers[0].Env, corev1.EnvVar{Name: "GODEBUG", Value: "x"})
		}},
		"update strategy of NATS": {&appsv1.StatefulSet{}, "chat-nats", func(o client.Object) {
			o.(*appsv1.StatefulSet).Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}
		}},
		"another port": {&corev1.Service{}, "chat", func(o client.Object) {
			service := o.(*corev1.Service)
			service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Name: "ops", Port: 9090, NodePort: 0})
		}},
		"number of a port, selector and affinity": {&corev1.Service{}, "chat", func(o client.Object) {
			service := o.(*corev1.Service)
			service.Spec.Ports[0].Port = 81
			service.Spec.Selector["x"] = "y"
			service.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
		}},
		"addresses of pods that are not ready": {&corev1.Service{}, "chat", func(o client.Object) {
			o.(*corev1.Service).Spec.PublishNotReadyAddresses = true
		}},
		"minAvailable in place of maxUnavailable": {&policyv1.PodDisruptionBudget{}, "chat-gateway", func(o client.Object) {
			budget := o.(*policyv1.PodDisruptionBudget)
			budget.Spec.MaxUnavailable, budget.Spec.MinAvailable = nil, ptr.To(intstr.FromInt32(1))
		}},
		"egress of a policy": {&networkingv1.NetworkPolicy{}, "chat-gateway", func(o client.Object) {
			policy := o.(*networkingv1.NetworkPolicy)
			policy.Spec.PolicyTypes = append(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
			policy.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{}}
			policy.Spec.Ingress = append(policy.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{})
		}},
		"metric and behavior of the autoscaler": {&autoscalingv2.HorizontalPodAutoscaler{}, "chat-gateway", func(o client.Object) {
			autoscaler := o.(*autoscalingv2.HorizontalPodAutoscaler)
			autoscaler.Spec.MaxReplicas = 99
			autoscaler.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: ptr.To[int32](1)}}
		}},
		"key of a ConfigMap": {&corev1.ConfigMap{}, "chat-nats-config", func(o client.Object) {
			o.(*corev1.ConfigMap).Data["more"] = "x"
			o.(*corev1.ConfigMap).BinaryData = map[string][]byte{"bin": {1}}
		}},
		"immutable ConfigMap": {&corev1.ConfigMap{}, "chat-nats-config", func(o client.Object) {
			o.(*corev1.ConfigMap).Immutable = ptr.To(true)
			for key := range o.(*corev1.ConfigMap).Data {
				o.(*corev1.ConfigMap).Data[key] += "# x"
			}
		}},
		"key of a Secret": {&corev1.Secret{}, "chat-nats-credentials", func(o client.Object) {
			o.(*corev1.Secret).Data["more"] = []byte("x")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{t, c, s.namespace, "chat"}
			s.get(test.name, test.object)
			want := specOf(test.object)
			before := test.object.DeepCopyObject().(client.Object)
			test.how(test.object)
			if err := c.Patch(t.Context(), test.object, client.MergeFrom(before), client.FieldOwner("intruder "+name)); err != nil {
				t.Fatal(err)
			}
			changed := test.object.GetResourceVersion()
			await(s, test.name, test.object, func(o client.Object) error {
				if o.GetResourceVersion() == changed {
					return errors.New("nobody has written it since")
				}
				if got := specOf(o); !equality.Semantic.DeepEqual(got, want) {
					return fmt.Errorf("it is %+v, want %+v", got, want)
				}
				return nil
			})
			for _, entry := range test.object.GetManagedFields() {
				if strings.HasPrefix(entry.Manager, "intruder") {
					t.Errorf("%s still manages %s", entry.Manager, entry.FieldsV1)
				}
			}
			if name == "immutable ConfigMap" {
				return // no field of it can be set back, so it is a new one
			}
			s.awaitEvent(apply.ReasonReverted, "set "+fmt.Sprintf("%T", test.object)[strings.LastIndex(fmt.Sprintf("%T", test.object), ".")+1:]+" "+test.name+" back", `"intruder `+name+`" wrote `)
		})
	}
}

// awaitEverything waits for the objects of everything, but for the Deployment's replicas, which an
// autoscaler has.
func (s *service) awaitEverything() {
	s.t.Helper()
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonStarting)
	await(s, "chat-gateway", &appsv1.Deployment{}, there)
	await(s, "chat-gateway", &autoscalingv2.HorizontalPodAutoscaler{}, there)
}

// awaitEvent waits for an event about the service whose note has all parts.
func (s *service) awaitEvent(reason string, parts ...string) {
	s.t.Helper()
	eventually(s.t, fmt.Sprint("an event ", reason, parts), func() error {
		var list eventsv1.EventList
		if err := s.List(s.t.Context(), &list, client.InNamespace(s.namespace)); err != nil {
			return err
		}
		var notes []string
		for _, e := range list.Items {
			if e.Reason == reason {
				if contains(e.Note, parts...) == nil {
					return nil
				}
				notes = append(notes, e.Note)
			}
		}
		return fmt.Errorf("there are %q", notes)
	})
}

func TestWhatOthersRightlyWriteStays(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, everything)
	s.awaitEverything()
	const restarted = "kubectl.kubernetes.io/restartedAt"
	d, service, account := &appsv1.Deployment{}, &corev1.Service{}, &corev1.ServiceAccount{}
	changeAs := func(name string, object client.Object, how func()) {
		s.get(name, object)
		before := object.DeepCopyObject().(client.Object)
		how()
		if err := c.Patch(t.Context(), object, client.MergeFrom(before), client.FieldOwner("somebody")); err != nil {
			t.Fatal(err)
		}
	}
	changeAs("chat-gateway", d, func() {
		d.Labels["team"] = "a"
		d.Spec.Template.Labels["team"] = "a"
		d.Spec.Template.Annotations[restarted] = "now"
		d.Spec.Replicas = ptr.To[int32](2)
	})
	changeAs("chat", service, func() {
		service.Annotations = map[string]string{"cloud": "yes"}
		service.Spec.InternalTrafficPolicy = ptr.To(corev1.ServiceInternalTrafficPolicyLocal)
		service.Spec.ExternalIPs = []string{"192.0.2.1"}
	})
	changeAs("chat-gateway", account, func() {
		account.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
	})
	// What somebody else adds in our part is removed, so the operator has seen the rest.
	changeAs("chat-gateway", d, func() { d.Spec.MinReadySeconds = 3 })
	changeAs("chat", service, func() { service.Spec.PublishNotReadyAddresses = true })
	changeAs("chat-gateway", account, func() { account.Labels["app.kubernetes.io/part-of"] = "x" })
	await(s, "chat-gateway", d, func(d *appsv1.Deployment) error {
		return errors.Join(
			want("minReadySeconds", d.Spec.MinReadySeconds, 0),
			want("a label", d.Labels["team"], "a"),
			want("a label of pods", d.Spec.Template.Labels["team"], "a"),
			want("the time of a restart", d.Spec.Template.Annotations[restarted], "now"),
			want("the autoscaler's number", *d.Spec.Replicas, 2),
		)
	})
	await(s, "chat", service, func(service *corev1.Service) error {
		return errors.Join(
			want("publishNotReadyAddresses", service.Spec.PublishNotReadyAddresses, false),
			want("an annotation", service.Annotations["cloud"], "yes"),
			want("the internal traffic policy", *service.Spec.InternalTrafficPolicy, corev1.ServiceInternalTrafficPolicyLocal),
			want("the number of external IPs", len(service.Spec.ExternalIPs), 1),
		)
	})
	await(s, "chat-gateway", account, func(account *corev1.ServiceAccount) error {
		return errors.Join(
			want("a label of ours", account.Labels["app.kubernetes.io/part-of"], "realtime-operator"),
			want("the number of pull secrets", len(account.ImagePullSecrets), 1),
		)
	})
}

func TestChosenNodePortStays(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {service: {type: NodePort}}, namespaces: [{name: /}]}")
	s.awaitObjects()
	service := &corev1.Service{}
	s.get("chat", service)
	chosen := 30000 + (service.Spec.Ports[0].NodePort-30000+1)%2767
	change(s, "chat", service, func(service *corev1.Service) {
		service.Spec.Ports[0].NodePort = chosen
		service.Spec.PublishNotReadyAddresses = true
	})
	await(s, "chat", service, func(service *corev1.Service) error {
		return errors.Join(
			want("publishNotReadyAddresses", service.Spec.PublishNotReadyAddresses, false),
			want("the node port", service.Spec.Ports[0].NodePort, chosen),
		)
	})
	change(s, "chat", service, func(service *corev1.Service) { service.Spec.Ports[0].Port = 81 })
	await(s, "chat", service, func(service *corev1.Service) error {
		return errors.Join(want("the number of ports", len(service.Spec.Ports), 1), want("the port", service.Spec.Ports[0].Port, 80))
	})
}

// An object whose list of managers was emptied does not show who writes next: the API server takes
// note again when somebody applies, which is refused while our port is next to theirs.
func TestWhatNobodyManagesIsSetBack(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	service := &corev1.Service{}
	s.get("chat-nats", service)
	patch := client.RawPatch(types.JSONPatchType, []byte(`[
		{"op": "replace", "path": "/metadata/managedFields", "value": [{}]},
		{"op": "replace", "path": "/spec/ports/0/port", "value": 4309},
		{"op": "replace", "path": "/spec/selector", "value": {"x": "y"}}]`))
	if err := c.Patch(t.Context(), service, patch); err != nil {
		t.Fatal(err)
	}
	await(s, "chat-nats", service, func(service *corev1.Service) error {
		return errors.Join(want("the number of ports", len(service.Spec.Ports), 1), want("the port", service.Spec.Ports[0].Port, 4222),
			want("the selector", service.Spec.Selector["x"], ""))
	})
}

// A program that writes each time that the operator does would have pods replaced for ever.
func TestAnotherProgramThatDoesNotGiveUp(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	times := 0
	for contested := false; !contested && times < 10; times++ {
		d := &appsv1.Deployment{}
		s.get("chat-gateway", d)
		before := d.DeepCopy()
		d.Spec.MinReadySeconds = 3
		if err := c.Patch(t.Context(), d, client.MergeFrom(before), client.FieldOwner("stubborn")); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is set back, or left with a reason", func() error {
			s.get("chat-gateway", d)
			ready := meta.FindStatusCondition(s.live().Status.Conditions, v1alpha1.ConditionReady)
			contested = strings.Contains(ready.Message, `Deployment chat-gateway is changed each time the operator sets it back: "stubborn" wrote spec.minReadySeconds`)
			return want("whether it is", d.Spec.MinReadySeconds == 0 || contested, true)
		})
	}
	if times != 6 {
		t.Errorf("it was set back %d times, want 5", times-1)
	}
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonApplyFailed)
	s.awaitEvent(status.ReasonApplyFailed, "Deployment chat-gateway is changed each time")
	// What the manifest says reaches the rest.
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Service.Port = 8080 })
	await(s, "chat", &corev1.Service{}, func(service *corev1.Service) error { return want("the port", service.Spec.Ports[0].Port, 8080) })
}

// all are the objects of everything.
func all() map[string]client.Object {
	objects := owned()
	objects["NetworkPolicy chat-gateway"] = &networkingv1.NetworkPolicy{}
	objects["NetworkPolicy chat-nats"] = &networkingv1.NetworkPolicy{}
	objects["PersistentVolumeClaim chat-nats"] = &corev1.PersistentVolumeClaim{}
	return objects
}

// collect reads them, and returns them in the order in which most programs restore.
func (s *service) collect() []client.Object {
	s.t.Helper()
	var list []client.Object
	for _, key := range slices.Sorted(maps.Keys(all())) {
		object := all()[key]
		s.get(nameIn(key), object)
		list = append(list, object)
	}
	return list
}

// isOurs says what is wrong with an object that should be the service's.
func isOurs(svc *v1alpha1.RealtimeService, object client.Object) error {
	if !metav1.IsControlledBy(object, svc) || len(object.GetOwnerReferences()) != 1 {
		return fmt.Errorf("its owners are %v, want %s", object.GetOwnerReferences(), svc.UID)
	}
	return nil
}

// As `kubectl delete --cascade=orphan` leaves them, and a controller that has lost them.
func TestObjectsWithoutAControllerAreAdopted(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, everything)
	s.awaitEverything()
	before := s.collect()
	old := s.live()
	orphan := metav1.DeletePropagationOrphan
	if err := c.Delete(t.Context(), old, &client.DeleteOptions{PropagationPolicy: &orphan}); err != nil {
		t.Fatal(err)
	}
	// There is no garbage collector, which does these.
	for _, object := range before {
		eventually(t, "its owners are removed", func() error {
			s.get(object.GetName(), object)
			patch := client.MergeFrom(object.DeepCopyObject().(client.Object))
			object.SetOwnerReferences(nil)
			return c.Patch(t.Context(), object, patch)
		})
	}
	change(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) { svc.Finalizers = nil })
	s.awaitGone("chat", &v1alpha1.RealtimeService{})

	s = create(t, c, namespace, everything)
	svc := s.live()
	for _, was := range before {
		fresh := was.DeepCopyObject().(client.Object)
		await(s, was.GetName(), fresh, func(o client.Object) error {
			return errors.Join(isOurs(svc, o), want("the uid", o.GetUID(), was.GetUID()))
		})
		if secret, ok := fresh.(*corev1.Secret); ok && !equality.Semantic.DeepEqual(secret.Data, was.(*corev1.Secret).Data) {
			t.Errorf("Secret %s has other contents", was.GetName())
		}
		if d, ok := fresh.(*appsv1.Deployment); ok && d.Generation != was.GetGeneration() {
			t.Error("the gateways were replaced")
		}
	}
	// To give an object another owner takes the right to delete it, where
	// OwnerReferencesPermissionEnforcement is on.
	for _, kind := range [][2]string{{"apps", "deployments"}, {"policy", "poddisruptionbudgets"}, {"", "persistentvolumeclaims"}} {
		c.asked.need(right{"delete", kind[0], kind[1], "", namespace})
	}
	s.awaitEvent(apply.ReasonAdopted, "adopted Deployment chat-gateway: it had no controller")
	s.awaitEvent(apply.ReasonAdopted, "adopted Secret chat-nats-credentials")
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonStarting)
}

// As a program restores objects: under its own manager, with or without the references to a service
// that has another uid now.
func TestRestoredObjectsAreAdopted(t *testing.T) {
	for name, test := range map[string]struct {
		keepOwners, serviceFirst bool
	}{
		"without owners, before the service": {false, false},
		"with the earlier service as owner":  {true, false},
		"service first":                      {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, namespace := useCluster(t)
			first := create(t, c, namespace, everything)
			first.awaitEverything()
			backup := first.collect()

			elsewhere := c.newNamespace(t)
			s := &service{t, c, elsewhere, "chat"}
			if test.serviceFirst {
				s = create(t, c, elsewhere, everything)
			}
			for _, object := range backup {
				object.SetNamespace(elsewhere)
				object.SetResourceVersion("")
				object.SetUID(types.UID(""))
				object.SetManagedFields(nil)
				if !test.keepOwners {
					object.SetOwnerReferences(nil)
				}
				if service, ok := object.(*corev1.Service); ok {
					service.Spec.ClusterIP, service.Spec.ClusterIPs = "", nil
					if service.Name == "chat-nats" {
						service.Spec.ClusterIP = corev1.ClusterIPNone
					}
				}
				if d, ok := object.(*appsv1.Deployment); ok { // a field that a later release does not want
					d.Spec.Template.Spec.Containers[0].Env = append(d.Spec.Template.Spec.Containers[0].Env, corev1.EnvVar{Name: "OLD", Value: "x"})
				}
				err := c.Create(t.Context(), object, client.FieldOwner("velero-server"))
				if err != nil && !test.serviceFirst {
					t.Fatal(err)
				}
			}
			if !test.serviceFirst {
				s = create(t, c, elsewhere, everything)
			}
			svc := s.live()
			for key, object := range all() {
				await(s, nameIn(key), object, func(o client.Object) error { return isOurs(svc, o) })
			}
			d := &appsv1.Deployment{}
			s.get("chat-gateway", d)
			if env := fmt.Sprint(d.Spec.Template.Spec.Containers[0].Env); strings.Contains(env, "OLD") {
				t.Errorf("what was restored and is not wanted stays: %s", env)
			}
			s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonStarting)
		})
	}
}

func TestRemovedOwnerReferenceIsSetAgain(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, everything)
	s.awaitEverything()
	svc := s.live()
	for key, object := range all() {
		t.Run(key, func(t *testing.T) {
			s := &service{t, c, namespace, "chat"}
			change(s, nameIn(key), object, func(o client.Object) { o.SetOwnerReferences(nil) })
			uid := object.GetUID()
			if _, ok := object.(*corev1.Secret); ok { // Secrets are not watched
				change(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) { svc.Spec.Gateway.Service.Port++ })
			}
			await(s, nameIn(key), object, func(o client.Object) error {
				return errors.Join(isOurs(svc, o), want("the uid", o.GetUID(), uid))
			})
		})
	}
}

// Neither labels alone nor a name make an object ours.
func TestObjectsOfOthersAreNamedAndLeft(t *testing.T) {
	ours := map[string]string{"realtime-operator.io/service": "chat", "app.kubernetes.io/managed-by": "realtime-operator"}
	another := metav1.OwnerReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "another", UID: "1", Controller: ptr.To(true)}
	namesake := metav1.OwnerReference{APIVersion: "example.com/v1", Kind: "RealtimeService", Name: "chat", UID: "1", Controller: ptr.To(true)}
	sibling := metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "RealtimeService", Name: "other", UID: "1", Controller: ptr.To(true)}
	for name, test := range map[string]struct {
		labels map[string]string
		owners []metav1.OwnerReference
		want   string
	}{
		"no labels": {nil, nil, "label it app.kubernetes.io/managed-by=realtime-operator realtime-operator.io/service=chat, and the operator adopts it"},
		"another service's label": {
			map[string]string{"realtime-operator.io/service": "other", "app.kubernetes.io/managed-by": "realtime-operator"}, nil, "does not belong to this service",
		},
		"somebody else manages it": {
			map[string]string{"realtime-operator.io/service": "chat", "app.kubernetes.io/managed-by": "Helm"}, nil, "does not belong to this service",
		},
		"another controller":         {ours, []metav1.OwnerReference{another}, "but to Deployment another: name the service differently"},
		"a kind of the same name":    {ours, []metav1.OwnerReference{namesake}, "but to RealtimeService chat"},
		"a service of another name":  {ours, []metav1.OwnerReference{sibling}, "but to RealtimeService other"},
		"no labels, earlier service": {nil, []metav1.OwnerReference{{APIVersion: sibling.APIVersion, Kind: sibling.Kind, Name: "chat", UID: "1", Controller: ptr.To(true)}}, "does not belong"},
	} {
		t.Run(name, func(t *testing.T) {
			c, namespace := useCluster(t)
			for _, theirs := range []client.Object{&corev1.Secret{}, &corev1.ServiceAccount{}} {
				theirs.SetName("chat-nats-credentials")
				if _, ok := theirs.(*corev1.ServiceAccount); ok {
					theirs.SetName("chat-gateway")
				}
				theirs.SetNamespace(namespace)
				theirs.SetLabels(test.labels)
				theirs.SetOwnerReferences(test.owners)
				if err := c.Create(t.Context(), theirs); err != nil {
					t.Fatal(err)
				}
			}
			s := create(t, c, namespace, plain)
			s.awaitMessage(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonApplyFailed,
				"Secret chat-nats-credentials exists", "ServiceAccount chat-gateway exists", test.want)
			secret := &corev1.Secret{}
			s.get("chat-nats-credentials", secret)
			if len(secret.Data) > 0 || len(secret.OwnerReferences) != len(test.owners) {
				t.Errorf("it was written: %+v", secret)
			}
		})
	}
}
