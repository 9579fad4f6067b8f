// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

const plain = "spec: {namespaces: [{name: /}]}"

// service is a RealtimeService in a namespace: chat, unless the test names it.
type service struct {
	t *testing.T
	*cluster
	namespace string
	named     string
}

// parse makes an object of a manifest that says nothing but the spec.
func parse(t *testing.T, namespace, manifest string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &object.Object); err != nil {
		t.Fatal(err)
	}
	object.SetAPIVersion(v1alpha1.GroupVersion.String())
	object.SetKind("RealtimeService")
	object.SetNamespace(namespace)
	if object.GetName() == "" {
		object.SetName("chat")
	}
	return object
}

// create creates the service, as kubectl does: with strict checks of fields.
func create(t *testing.T, c *cluster, namespace, manifest string) *service {
	t.Helper()
	if err := c.Create(t.Context(), parse(t, namespace, manifest), client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
		t.Fatal(err)
	}
	return &service{t, c, namespace, parse(t, namespace, manifest).GetName()}
}

func (s *service) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: s.namespace, Name: name}
}

// get reads an object that must be there.
func (s *service) get(name string, object client.Object) {
	s.t.Helper()
	if err := s.Get(s.t.Context(), s.key(name), object); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) live() *v1alpha1.RealtimeService {
	s.t.Helper()
	svc := &v1alpha1.RealtimeService{}
	s.get(s.named, svc)
	return svc
}

// edit changes the service.
func (s *service) edit(how func(*v1alpha1.RealtimeServiceSpec)) {
	s.t.Helper()
	change(s, s.named, &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) { how(&svc.Spec) })
}

// change gets an object and changes it by hand, whatever the operator does to it in the meantime.
func change[T client.Object](s *service, name string, object T, how func(T)) {
	s.t.Helper()
	s.get(name, object)
	before := object.DeepCopyObject().(client.Object)
	how(object)
	if err := s.Patch(s.t.Context(), object, client.MergeFrom(before)); err != nil {
		s.t.Fatal(err)
	}
}

// await waits until an object is there and looks right.
func await[T client.Object](s *service, name string, object T, look func(T) error) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%T %s", object, name), func() error {
		if err := s.Get(s.t.Context(), s.key(name), object); err != nil {
			return err
		}
		return look(object)
	})
}

// awaitGone waits until an object is not there.
func (s *service) awaitGone(name string, object client.Object) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%T %s is gone", object, name), func() error {
		err := s.Get(s.t.Context(), s.key(name), object)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			return fmt.Errorf("it is there")
		}
		return err
	})
}

func there[T client.Object](T) error { return nil }

// awaitCondition waits until a condition of the newest generation has a status and a reason.
func (s *service) awaitCondition(kind string, status metav1.ConditionStatus, reason string) {
	s.t.Helper()
	s.awaitMessage(kind, status, reason)
}

// awaitMessage waits until it has a message with these parts, too.
func (s *service) awaitMessage(kind string, status metav1.ConditionStatus, reason string, parts ...string) {
	s.t.Helper()
	await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
		c := meta.FindStatusCondition(svc.Status.Conditions, kind)
		if c == nil {
			return fmt.Errorf("there is no condition %s", kind)
		}
		if c.ObservedGeneration != svc.Generation || svc.Status.ObservedGeneration != svc.Generation {
			return fmt.Errorf("%s is of generation %d, want %d", kind, c.ObservedGeneration, svc.Generation)
		}
		if c.Status != status || c.Reason != reason {
			return fmt.Errorf("%s is %s %s (%s), want %s %s", kind, c.Status, c.Reason, c.Message, status, reason)
		}
		return contains(c.Message, parts...)
	})
}

// awaitObjects waits until the operator has made everything, and has seen it.
func (s *service) awaitObjects() {
	s.t.Helper()
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonStarting)
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("whether its replicas are ours", owns(d.ManagedFields, ScaleFieldManager), true)
	})
}

// rollOut writes the Deployment's status as its controller would when all pods have the newest
// template.
func (s *service) rollOut() {
	s.t.Helper()
	eventually(s.t, "writing the Deployment's status", func() error {
		d := &appsv1.Deployment{}
		s.get("chat-gateway", d)
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: *d.Spec.Replicas, UpdatedReplicas: *d.Spec.Replicas,
			UnavailableReplicas: *d.Spec.Replicas,
		}
		return s.Status().Update(s.t.Context(), d)
	})
}

// startNATS writes the StatefulSet's status as its controller would.
func (s *service) startNATS() {
	s.t.Helper()
	set := &appsv1.StatefulSet{}
	s.get("chat-nats", set)
	set.Status = appsv1.StatefulSetStatus{ObservedGeneration: set.Generation, Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}
	if err := s.Status().Update(s.t.Context(), set); err != nil {
		s.t.Fatal(err)
	}
}

// config is what gateways read.
func (s *service) config() string {
	s.t.Helper()
	config := &corev1.ConfigMap{}
	s.get("chat-config", config)
	return config.Data["service.yaml"]
}
