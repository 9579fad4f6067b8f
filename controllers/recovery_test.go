// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func TestRecoveryGivesNATSADisk(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Recovery = &v1alpha1.RecoverySpec{MaxDisconnection: v1alpha1.Duration{Duration: time.Minute}, MaxMessages: 10, Replicas: 1, Storage: v1alpha1.StorageSpec{Size: resource.MustParse("2Gi"), Persistent: true}}
	})
	await(s, "chat-nats", &corev1.PersistentVolumeClaim{}, func(claim *corev1.PersistentVolumeClaim) error {
		size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
		return errors.Join(
			want("the claim's size", size.String(), "2Gi"),
			want("its owners", len(claim.OwnerReferences), 1),
		)
	})
	await(s, "chat-nats", &appsv1.StatefulSet{}, func(set *appsv1.StatefulSet) error {
		last := set.Spec.Template.Spec.Volumes[len(set.Spec.Template.Spec.Volumes)-1]
		return want("whether the claim is mounted", last.PersistentVolumeClaim != nil && last.PersistentVolumeClaim.ClaimName == "chat-nats", true)
	})
	await(s, "chat-nats-config", &corev1.ConfigMap{}, func(config *corev1.ConfigMap) error {
		return want("whether NATS stores", strings.Contains(config.Data["nats.conf"], "jetstream {"), true)
	})
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("how gateways recover", d.Spec.Template.Annotations["realtime-operator.io/recovery"], "1m0s,10,1,0s")
	})
}

func TestTheDiskOutlivesTheWishForIt(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	recovery := &v1alpha1.RecoverySpec{MaxDisconnection: v1alpha1.Duration{Duration: time.Minute}, MaxMessages: 10, Replicas: 1, Storage: v1alpha1.StorageSpec{Size: resource.MustParse("2Gi"), Persistent: true}}
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Recovery = recovery.DeepCopy() })
	claim := &corev1.PersistentVolumeClaim{}
	await(s, "chat-nats", claim, there)
	for what, without := range map[string]func(*v1alpha1.RealtimeServiceSpec){
		"storage on the node": func(spec *v1alpha1.RealtimeServiceSpec) { spec.Recovery.Storage.Persistent = false },
		"no recovery":         func(spec *v1alpha1.RealtimeServiceSpec) { spec.Recovery = nil },
	} {
		t.Log(what)
		s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Recovery = recovery.DeepCopy() })
		await(s, "chat-nats", &appsv1.StatefulSet{}, func(set *appsv1.StatefulSet) error { return want("whether NATS uses the claim", usesClaim(set), true) })
		s.edit(without)
		await(s, "chat-nats", &appsv1.StatefulSet{}, func(set *appsv1.StatefulSet) error { return want("whether NATS uses the claim", usesClaim(set), false) })
		left := &corev1.PersistentVolumeClaim{}
		s.get("chat-nats", left)
		if left.UID != claim.UID || left.DeletionTimestamp != nil || len(left.OwnerReferences) != 1 {
			t.Errorf("with %s the claim is %+v, want the first one, which goes with the service", what, left.ObjectMeta)
		}
	}
}

func usesClaim(set *appsv1.StatefulSet) bool {
	for _, v := range set.Spec.Template.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			return v.PersistentVolumeClaim.ClaimName == "chat-nats"
		}
	}
	return false
}
