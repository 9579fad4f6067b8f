// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func withRecovery(storage v1alpha1.StorageSpec) func(*v1alpha1.RealtimeServiceSpec) {
	return func(s *v1alpha1.RealtimeServiceSpec) {
		s.Recovery = &v1alpha1.RecoverySpec{MaxDisconnection: v1alpha1.Duration{Duration: time.Minute}, MaxMessages: 10, Replicas: 1, Storage: storage}
	}
}

func TestNATSOfAServiceWithRecoveryStores(t *testing.T) {
	svc := service(t, withRecovery(v1alpha1.StorageSpec{Size: resource.MustParse("100Mi")}))
	options := newNATSFolder(t, svc).options(t, NATSConfigMap(svc, false))
	if !options.JetStream || options.StoreDir != natsDataDir || options.JetStreamMaxStore != 90*mebi {
		t.Errorf("JetStream %t in %s with %d bytes", options.JetStream, options.StoreDir, options.JetStreamMaxStore)
	}
}

func TestTheDiskOfNATS(t *testing.T) {
	volumeOf := func(svc *v1alpha1.RealtimeService) corev1.VolumeSource {
		pod := natsSet(svc).Spec.Template.Spec
		for _, v := range pod.Volumes {
			if v.Name == "data" {
				return v.VolumeSource
			}
		}
		return corev1.VolumeSource{}
	}
	none := service(t, func(*v1alpha1.RealtimeServiceSpec) {})
	if v := volumeOf(none); v.EmptyDir != nil || v.PersistentVolumeClaim != nil || NATSClaims(none) != nil {
		t.Errorf("without recovery there is a disk: %+v", v)
	}
	node := service(t, withRecovery(v1alpha1.StorageSpec{Size: resource.MustParse("1Gi")}))
	if v := volumeOf(node); v.EmptyDir == nil || !sameNumber(*v.EmptyDir.SizeLimit, resource.MustParse("1Gi")) || NATSClaims(node) != nil {
		t.Errorf("on the node: %+v, claims %v", v, NATSClaims(node))
	}
	class := "fast"
	onClaims := service(t, withRecovery(v1alpha1.StorageSpec{Size: resource.MustParse("1Gi"), Persistent: true, StorageClassName: &class}))
	claim, v := NATSClaims(onClaims)[0], volumeOf(onClaims)
	if claim == nil || v.PersistentVolumeClaim == nil || v.PersistentVolumeClaim.ClaimName != claim.Name ||
		*claim.Spec.StorageClassName != "fast" || !sameNumber(claim.Spec.Resources.Requests[corev1.ResourceStorage], resource.MustParse("1Gi")) {
		t.Errorf("claim %+v, volume %+v", claim, v)
	}
}

func TestAChangeOfRecoveryBringsNewGateways(t *testing.T) {
	template := func(change func(*v1alpha1.RealtimeServiceSpec)) string {
		return GatewayDeployment(service(t, change), "image").Spec.Template.Annotations[annotationRecovery]
	}
	without := template(func(*v1alpha1.RealtimeServiceSpec) {})
	with := template(withRecovery(v1alpha1.StorageSpec{}))
	other := template(func(s *v1alpha1.RealtimeServiceSpec) {
		withRecovery(v1alpha1.StorageSpec{})(s)
		s.Recovery.MaxMessages++
	})
	if without != "" || with == "" || with == other {
		t.Errorf("the template says %q, %q and %q", without, with, other)
	}
}
