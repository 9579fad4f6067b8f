// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/apply"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// owned are the objects of a service with autoscaling and its own NATS, by kind and name.
func owned() map[string]client.Object {
	return map[string]client.Object{
		"Deployment chat-gateway":              &appsv1.Deployment{},
		"Service chat":                         &corev1.Service{},
		"ServiceAccount chat-gateway":          &corev1.ServiceAccount{},
		"PodDisruptionBudget chat-gateway":     &policyv1.PodDisruptionBudget{},
		"HorizontalPodAutoscaler chat-gateway": &autoscalingv2.HorizontalPodAutoscaler{},
		"ConfigMap chat-config":                &corev1.ConfigMap{},
		"StatefulSet chat-nats":                &appsv1.StatefulSet{},
		"Service chat-nats":                    &corev1.Service{},
		"ServiceAccount chat-nats":             &corev1.ServiceAccount{},
		"PodDisruptionBudget chat-nats":        &policyv1.PodDisruptionBudget{},
		"ConfigMap chat-nats-config":           &corev1.ConfigMap{},
		"Secret chat-nats-credentials":         &corev1.Secret{},
		"Secret chat-nats-tls":                 &corev1.Secret{},
		"Secret chat-gateway-peers":            &corev1.Secret{},
	}
}

// nameIn is the second word of such a key.
func nameIn(key string) string {
	var kind, name string
	fmt.Sscan(key, &kind, &name)
	return name
}

func TestCreatedServiceGetsItsObjects(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {autoscaling: {maxReplicas: 3}}, namespaces: [{name: /}]}")
	svc := s.live()
	for key, object := range owned() {
		await(s, nameIn(key), object, func(o client.Object) error {
			if !metav1.IsControlledBy(o, svc) || !*metav1.GetControllerOf(o).BlockOwnerDeletion {
				return fmt.Errorf("its owners are %v: the garbage collector would leave it", o.GetOwnerReferences())
			}
			return want("the label", o.GetLabels()[resources.LabelService], "chat")
		})
	}
	// The fields of what is applied are ours, and nothing is ours that is another's.
	d := &appsv1.Deployment{}
	s.get("chat-gateway", d)
	if !owns(d.ManagedFields, v1alpha1.FieldManager) {
		t.Errorf("managers are %v", d.ManagedFields)
	}
	if d.Spec.Template.Spec.Containers[0].Image != "gateway:test" {
		t.Errorf("the image is %s", d.Spec.Template.Spec.Containers[0].Image)
	}
}

func TestDefaultsAreVisible(t *testing.T) {
	c, namespace := useCluster(t)
	create(t, c, namespace, plain)
	live := parse(t, namespace, plain)
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(live), live); err != nil {
		t.Fatal(err)
	}
	spec := fmt.Sprint(live.Object["spec"])
	if err := contains(spec, "path:/socket.io/", "pingInterval:25s", "maxPayload:1M", "replicas:1", "handshakes:map[perSecond:1000]",
		"port:80", "cpu:100m", "slowConsumers:map[maxQueueBytes:4Mi maxQueueMessages:16384 policy:DropVolatile]",
		"limits:map[maxConnections:20000 maxNamespaces:64 maxRooms:1000]"); err != nil {
		t.Error(err)
	}
}

func TestChangedServiceChangesWhatItMust(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	before := &appsv1.Deployment{}
	s.get("chat-gateway", before)

	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Namespaces = append(spec.Namespaces, v1alpha1.Namespace{Name: "/more"})
		spec.Gateway.Service.Port = 8080
		spec.Gateway.Service.Annotations = map[string]string{"cloud": "yes"}
	})
	await(s, "chat-config", &corev1.ConfigMap{}, func(config *corev1.ConfigMap) error {
		return contains(config.Data["service.yaml"], "/more")
	})
	await(s, "chat", &corev1.Service{}, func(service *corev1.Service) error {
		return errors.Join(want("the port", service.Spec.Ports[0].Port, 8080), want("an annotation", service.Annotations["cloud"], "yes"))
	})
	after := &appsv1.Deployment{}
	s.get("chat-gateway", after)
	if after.Generation != before.Generation {
		t.Error("changed namespaces roll the Deployment")
	}

	config := s.config()
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Gateway.Image = "mine:1"
		spec.Gateway.Service.Annotations = nil
	})
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("the image", d.Spec.Template.Spec.Containers[0].Image, "mine:1")
	})
	await(s, "chat", &corev1.Service{}, func(service *corev1.Service) error {
		return want("the number of annotations", len(service.Annotations), 0)
	})
	if s.config() != config {
		t.Error("another image changes the configuration")
	}
}

func TestDriftIsSetBack(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	uids := map[string]string{}
	objects := owned()
	delete(objects, "HorizontalPodAutoscaler chat-gateway")

	t.Run("of fields", func(t *testing.T) {
		service := &corev1.Service{}
		change(s, "chat", service, func(service *corev1.Service) {
			service.Spec.Ports[0].Port = 81
			service.Annotations = map[string]string{"somebody": "else"}
		})
		await(s, "chat", service, func(service *corev1.Service) error { return want("the port", service.Spec.Ports[0].Port, 80) })
		if service.Annotations["somebody"] != "else" {
			t.Error("an annotation that is not ours was taken away")
		}
	})
	t.Run("of what is told apart by a key", func(t *testing.T) {
		d := &appsv1.Deployment{}
		change(s, "chat-gateway", d, func(d *appsv1.Deployment) {
			pod := &d.Spec.Template.Spec
			pod.Containers[0].Ports[0].ContainerPort = 3001
			pod.Volumes[0].VolumeSource = corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
		})
		await(s, "chat-gateway", d, func(d *appsv1.Deployment) error {
			pod := d.Spec.Template.Spec
			return errors.Join(
				want("the number of ports", len(pod.Containers[0].Ports), 3),
				want("the port", pod.Containers[0].Ports[0].ContainerPort, 3000),
				want("whether a volume is the ConfigMap", pod.Volumes[0].ConfigMap != nil, true),
				want("whether the repair owns it", strings.Contains(fmt.Sprint(d.ManagedFields), "-repair"), false),
			)
		})
	})
	t.Run("of the number of gateways", func(t *testing.T) {
		d := &appsv1.Deployment{}
		change(s, "chat-gateway", d, func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32) })
		await(s, "chat-gateway", d, func(d *appsv1.Deployment) error { return want("replicas", *d.Spec.Replicas, 1) })
	})
	t.Run("of labels, which hide an object from the cache", func(t *testing.T) {
		config := &corev1.ConfigMap{}
		change(s, "chat-config", config, func(config *corev1.ConfigMap) { config.Labels = nil })
		await(s, "chat-config", config, func(config *corev1.ConfigMap) error {
			return want("the label", config.Labels[resources.LabelService], "chat")
		})
	})
	for key, object := range objects {
		t.Run("deleted "+key, func(t *testing.T) {
			s.get(nameIn(key), object)
			uids[key] = string(object.GetUID())
			if err := c.Delete(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			fresh := owned()[key]
			await(s, nameIn(key), fresh, func(o client.Object) error {
				if string(o.GetUID()) == uids[key] {
					return errors.New("it is the old one")
				}
				return nil
			})
		})
	}
}

func TestDeletedServiceIsLeftToTheGarbageCollector(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	if err := c.Delete(t.Context(), s.live()); err != nil {
		t.Fatal(err)
	}
	s.awaitGone("chat", &v1alpha1.RealtimeService{}) // at once: nothing holds it
	// When a later service has its ConfigMap, the operator has seen that the first one is gone.
	await(create(t, c, namespace, "metadata: {name: soon}\n"+plain), "soon-config", &corev1.ConfigMap{}, there)
	config := &corev1.ConfigMap{}
	s.get("chat-config", config)
	if err := c.Delete(t.Context(), config); err != nil {
		t.Fatal(err)
	}

	// When a later service has its ConfigMap, the operator has seen that the first one's is gone.
	later := create(t, c, namespace, "metadata: {name: later}\n"+plain)
	await(later, "later-config", &corev1.ConfigMap{}, there)
	err := c.Get(t.Context(), s.key("chat-config"), config)
	if !apierrors.IsNotFound(err) {
		t.Errorf("what the garbage collector deletes is made again: %v", err)
	}
}

func TestTerminatingNamespaceIsLeftInPeace(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	// Without a controller of namespaces it terminates for ever.
	if err := c.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		t.Fatal(err)
	}
	applied := c.applied.in(namespace)
	config := &corev1.ConfigMap{}
	s.get("chat-config", config)
	if err := c.Delete(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the operator tries to make the ConfigMap", func() error {
		return want("whether it has", c.applied.in(namespace) > applied, true)
	})
	// When another service is made, what the operator made of that has been seen to.
	other := create(t, c, c.newNamespace(t), plain)
	other.awaitObjects()
	for _, condition := range s.live().Status.Conditions {
		if condition.Reason == status.ReasonApplyFailed {
			t.Errorf("the status tells of what nobody can mend: %+v", condition)
		}
	}
}

func TestSomebodyElsesObjectIsLeftAlone(t *testing.T) {
	c, namespace := useCluster(t)
	theirs := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: namespace},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}},
	}
	if err := c.Create(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	s := create(t, c, namespace, plain)
	s.awaitMessage(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonApplyFailed, "Service chat exists and does not belong to this service")
	await(s, "chat-gateway", &appsv1.Deployment{}, there) // the rest goes on
	s.get("chat", theirs)
	if theirs.Spec.Ports[0].Port != 1 || len(theirs.OwnerReferences) != 0 {
		t.Errorf("it was taken over: %+v", theirs)
	}

	if err := c.Delete(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonStarting)
	await(s, "chat", &corev1.Service{}, there)
}

func TestNothingIsAppliedTwice(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	s.startNATS()
	s.awaitCondition(v1alpha1.ConditionNATSAvailable, metav1.ConditionTrue, status.ReasonAvailable)
	// Each gateway that comes makes the operator look; the last one's connections tell that it has.
	look := func(name string, connections int64) {
		s.startGateway(t, namespace, "chat", name, func(g *fakeGateway) {
			g.status.ConfigHash = gatewaystatus.Revision([]byte(s.config()))
			g.status.Connections = 1
		})
		await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
			return want("connections", svc.Status.Connections, connections)
		})
	}
	look("one", 1)
	before := c.applied.in(namespace)
	look("two", 2)
	look("three", 3)
	if after := c.applied.in(namespace); after != before {
		t.Errorf("%d objects were applied anew", after-before)
	}
	if before > 25 {
		t.Errorf("a new service took %d applies", before)
	}
}

func TestEventsTellWhatWasDone(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = "mine:1" })
	s.startGateway(t, namespace, "chat", "one", func(*fakeGateway) {})
	for _, told := range [][2]string{
		{apply.ReasonCreated, "created Deployment chat-gateway"},
		{apply.ReasonCreated, "created StatefulSet chat-nats"},
		{apply.ReasonUpdated, "updated Deployment chat-gateway"},
		{reasonConfigured, "configuration " + gatewaystatus.Revision([]byte(s.config())) + " is in force on 1 gateways"},
	} {
		eventually(t, told[1], func() error {
			var list eventsv1.EventList
			if err := c.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
				return err
			}
			for _, e := range list.Items {
				if e.Note == told[1] && e.Reason == told[0] && e.Regarding.Kind == "RealtimeService" && e.Regarding.Name == "chat" {
					return nil
				}
			}
			return fmt.Errorf("there are %d events, and it is not among them", len(list.Items))
		})
	}
}
