// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// NATSClaims are the disks on which the operator's own NATS stores the events of a service that
// asks for it, one for each server; none for others. They are separate objects, since a
// StatefulSet's templates for claims can never change; those of a cluster have the names that its
// template gives them. They are deleted with the service, but not when the service no longer asks
// for them: a mistake in a manifest must not cost what is stored.
func NATSClaims(svc *v1alpha1.RealtimeService) []*corev1.PersistentVolumeClaim {
	if !claimed(svc) {
		return nil
	}
	names := []string{NATSName(svc.Name)}
	if clustered(svc) {
		names = nil
		for i := range svc.Spec.NATSServers() {
			names = append(names, fmt.Sprintf("%s-%s-%d", natsDataVolume, NATSSetName(svc.Name, svc.Spec.NATSServers()), i))
		}
	}
	var claims []*corev1.PersistentVolumeClaim
	for _, name := range names {
		claims = append(claims, &corev1.PersistentVolumeClaim{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
			ObjectMeta: owned(svc, name, componentNATS),
			Spec:       natsClaimSpec(svc),
		})
	}
	return claims
}

// claimed reports whether NATS stores on claims.
func claimed(svc *v1alpha1.RealtimeService) bool {
	return svc.Spec.Recovery != nil && svc.Spec.Recovery.Storage.Persistent && OwnNATS(svc)
}

func natsClaimSpec(svc *v1alpha1.RealtimeService) corev1.PersistentVolumeClaimSpec {
	storage := &svc.Spec.Recovery.Storage
	return corev1.PersistentVolumeClaimSpec{
		AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		StorageClassName: storage.StorageClassName,
		Resources: corev1.VolumeResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceStorage: storage.Size},
		},
	}
}

// natsClaimTemplates are those of a cluster; none otherwise. The claims exist before the pods, and
// grow by themselves: of the templates, only the names matter.
func natsClaimTemplates(svc *v1alpha1.RealtimeService) []corev1.PersistentVolumeClaim {
	if !clustered(svc) || !claimed(svc) {
		return nil
	}
	return []corev1.PersistentVolumeClaim{{
		ObjectMeta: metav1.ObjectMeta{Name: natsDataVolume, Labels: labels(svc.Name, componentNATS)},
		Spec:       natsClaimSpec(svc),
	}}
}

// KeepNATSClaimTemplates gives a wanted StatefulSet the templates of the live one, which cannot
// change. It returns false if one has them and the other has not: then it takes another
// StatefulSet.
func KeepNATSClaimTemplates(wanted, live *appsv1.StatefulSet) bool {
	if len(wanted.Spec.VolumeClaimTemplates) != len(live.Spec.VolumeClaimTemplates) {
		return false
	}
	for i := range wanted.Spec.VolumeClaimTemplates {
		spec := &live.Spec.VolumeClaimTemplates[i].Spec
		wanted.Spec.VolumeClaimTemplates[i].Spec.StorageClassName = spec.StorageClassName
		wanted.Spec.VolumeClaimTemplates[i].Spec.Resources.Requests = spec.Resources.Requests
	}
	return true
}
