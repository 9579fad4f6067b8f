// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

const (
	three         = "spec: {nats: {managed: {replicas: 3}}, namespaces: [{name: /}]}"
	threeOnClaims = "spec: {nats: {managed: {replicas: 3}}, recovery: {storage: {persistent: true}}, namespaces: [{name: /}]}"
)

// setNATS has so many servers of NATS be ready as the StatefulSet's controller would say.
func (s *service) setNATS(ready int32) {
	s.t.Helper()
	set := &appsv1.StatefulSet{}
	s.get("chat-nats3", set)
	set.Status = appsv1.StatefulSetStatus{ObservedGeneration: set.Generation, Replicas: 3, ReadyReplicas: ready, UpdatedReplicas: 3, AvailableReplicas: ready}
	if err := s.Status().Update(s.t.Context(), set); err != nil {
		s.t.Fatal(err)
	}
}

func TestThreeServersOfNATS(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, threeOnClaims)
	set := &appsv1.StatefulSet{}
	await(s, "chat-nats3", set, func(set *appsv1.StatefulSet) error {
		return want("the number of servers", *set.Spec.Replicas, 3)
	})
	await(s, "chat-nats3", &corev1.Service{}, there)
	for _, name := range []string{"data-chat-nats3-0", "data-chat-nats3-1", "data-chat-nats3-2"} {
		await(s, name, &corev1.PersistentVolumeClaim{}, func(claim *corev1.PersistentVolumeClaim) error {
			if !metav1.IsControlledBy(claim, s.live()) {
				return errors.New("it stays when the service is deleted")
			}
			return nil
		})
	}
	s.awaitGone("chat-nats", &appsv1.StatefulSet{})

	s.setNATS(1)
	for _, name := range []string{"data-chat-nats3-0", "data-chat-nats3-1", "data-chat-nats3-2"} {
		s.awaitMessage(v1alpha1.ConditionNATSAvailable, metav1.ConditionFalse, status.ReasonVolumePending, name)
		claim := &corev1.PersistentVolumeClaim{}
		s.get(name, claim)
		claim.Status.Phase = corev1.ClaimBound
		if err := s.Status().Update(t.Context(), claim); err != nil {
			t.Fatal(err)
		}
	}
	s.awaitMessage(v1alpha1.ConditionNATSAvailable, metav1.ConditionFalse, status.ReasonNATSNoQuorum, "1 of 3 servers are ready, and it takes 2")
	s.setNATS(2)
	s.awaitMessage(v1alpha1.ConditionNATSAvailable, metav1.ConditionTrue, status.ReasonAvailable, "2 of 3 servers are ready, so that no other may fail")
	s.setNATS(3)
	s.awaitMessage(v1alpha1.ConditionNATSAvailable, metav1.ConditionTrue, status.ReasonAvailable, "NATS is ready")
}

// Without the log, nothing is left behind by a change of the number.
func TestTheNumberOfServersChangesWithoutRecovery(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	number := func(replicas int32) func(*v1alpha1.RealtimeServiceSpec) {
		return func(spec *v1alpha1.RealtimeServiceSpec) {
			spec.NATS = &v1alpha1.NATSSpec{Managed: &v1alpha1.ManagedNATSSpec{Replicas: replicas}}
		}
	}
	s.edit(number(3))
	await(s, "chat-nats3", &appsv1.StatefulSet{}, there)
	s.awaitGone("chat-nats", &appsv1.StatefulSet{})
	await(s, "chat-nats", &corev1.Service{}, there) // gateways connect by it
	s.edit(number(1))
	await(s, "chat-nats", &appsv1.StatefulSet{}, there)
	s.awaitGone("chat-nats3", &appsv1.StatefulSet{})
	s.awaitGone("chat-nats3", &corev1.Service{})
}

func TestTheNumberOfServersIsRefusedWithWhatTheyStore(t *testing.T) {
	managed := func(replicas int32) *v1alpha1.NATSSpec {
		return &v1alpha1.NATSSpec{Managed: &v1alpha1.ManagedNATSSpec{Replicas: replicas}}
	}
	named := &v1alpha1.NATSSpec{URLs: []string{"nats://elsewhere:4222"}}
	stores := &v1alpha1.RecoverySpec{}
	for name, test := range map[string]struct {
		before, after                 *v1alpha1.NATSSpec
		beforeRecovery, afterRecovery *v1alpha1.RecoverySpec
		refused                       bool
	}{
		"more":                         {managed(1), managed(3), stores, stores, true},
		"more than the default":        {nil, managed(3), stores, stores, true},
		"fewer":                        {managed(3), managed(1), stores, stores, true},
		"the default again":            {managed(3), nil, stores, stores, true},
		"the same":                     {nil, managed(1), stores, stores, false},
		"more, and nothing is stored":  {nil, managed(3), nil, nil, false},
		"fewer, and no longer stored":  {managed(3), nil, stores, nil, false},
		"another NATS":                 {managed(3), named, stores, stores, false},
		"the operator's after another": {named, managed(3), stores, stores, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, namespace := useCluster(t)
			svc := &v1alpha1.RealtimeService{}
			svc.Name, svc.Namespace = "chat", namespace
			svc.Spec.Namespaces = []v1alpha1.Namespace{{Name: "/"}}
			svc.Spec.NATS, svc.Spec.Recovery = test.before.DeepCopy(), test.beforeRecovery.DeepCopy()
			if err := c.Create(t.Context(), svc); err != nil {
				t.Fatal(err)
			}
			before := svc.DeepCopy()
			svc.Spec.NATS = test.after.DeepCopy()
			if test.afterRecovery == nil {
				svc.Spec.Recovery = nil
			}
			err := c.Patch(t.Context(), svc, client.MergeFrom(before), client.DryRunAll)
			const says = "spec.nats.managed.replicas: Invalid value: cannot change while spec.recovery is set"
			switch {
			case !test.refused && err != nil:
				t.Error(err)
			case test.refused && (err == nil || !strings.Contains(err.Error(), says)):
				t.Errorf("%v, want %s", err, says)
			}
		})
	}
}

// A StatefulSet's templates for claims never change. Its pods stay while it is replaced.
func TestClaimsForACluster(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, three)
	set := &appsv1.StatefulSet{}
	await(s, "chat-nats3", set, there)
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Recovery = &v1alpha1.RecoverySpec{Storage: v1alpha1.StorageSpec{Size: resource.MustParse("1Gi"), Persistent: true}}
	})
	await(s, "chat-nats3", set, func(set *appsv1.StatefulSet) error {
		if !slices.Contains(set.Finalizers, metav1.FinalizerOrphanDependents) {
			return errors.New("it is not deleted, or its pods with it")
		}
		return nil
	})
	before := set.UID
	set.Finalizers = nil // by the garbage collector, when it has orphaned the pods
	if err := s.Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	await(s, "chat-nats3", set, func(set *appsv1.StatefulSet) error {
		if set.UID == before {
			return errors.New("it is the same")
		}
		return want("the number of templates for claims", len(set.Spec.VolumeClaimTemplates), 1)
	})
}

func TestANamedNATSTakesThePlaceOfACluster(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, threeOnClaims)
	await(s, "chat-nats3", &appsv1.StatefulSet{}, there)
	await(s, "chat-gateway", &appsv1.Deployment{}, there)
	s.rollOut()
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.NATS, spec.Recovery = &v1alpha1.NATSSpec{URLs: []string{"nats://elsewhere:4222"}}, nil
	})
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		if resources.UsesOwnNATS(s.live(), d) {
			return errors.New("its gateways use the operator's NATS")
		}
		return nil
	})
	s.rollOut()
	s.awaitGone("chat-nats3", &appsv1.StatefulSet{})
	s.awaitGone("chat-nats3", &corev1.Service{})
	s.get("data-chat-nats3-0", &corev1.PersistentVolumeClaim{})
}
