// SPDX-License-Identifier: Apache-2.0

package resources

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// NATSClaim is the disk on which the operator's own NATS stores the events of a service that asks
// for it; nil for others. It is a separate object, since a StatefulSet's templates for claims can
// never change. It is deleted with the service, but not when the service no longer asks for it: a
// mistake in a manifest must not cost what is stored.
func NATSClaim(svc *v1alpha1.RealtimeService) *corev1.PersistentVolumeClaim {
	r := svc.Spec.Recovery
	if r == nil || !r.Storage.Persistent {
		return nil
	}
	return &corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: owned(svc, NATSName(svc.Name), componentNATS),
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: r.Storage.StorageClassName,
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: r.Storage.Size},
			},
		},
	}
}
