// SPDX-License-Identifier: Apache-2.0

package resources

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// NATSService gives the operator's own NATS a name. It is headless: a gateway's connection is
// long-lived, and needs no load balancing. Of several servers it has those that are ready: one that
// starts is not connected to the others yet, and neither would be the gateways that connect to it.
func NATSService(svc *v1alpha1.RealtimeService) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: owned(svc, NATSName(svc.Name), componentNATS),
		Spec: corev1.ServiceSpec{
			Type:      corev1.ServiceTypeClusterIP,
			ClusterIP: corev1.ClusterIPNone,
			// Gateways resolve the name while the server starts. DNS caches a missing name, for 30
			// s on most clusters; a refused connection is retried at once.
			PublishNotReadyAddresses: !clustered(svc),
			Selector:                 selector(svc.Name, componentNATS),
			Ports: []corev1.ServicePort{{
				Name:     natsPortName,
				Protocol: corev1.ProtocolTCP,
				// Service meshes that wait for the client to speak would wait forever: the server
				// speaks first.
				AppProtocol: ptr.To(appProtocolTCP),
				Port:        natsPort,
				TargetPort:  intstr.FromString(natsPortName),
			}},
		},
	}
}

// NATSRouteService gives each server of a cluster a name, by which the others connect to it before
// it is ready: it is only ready when they have. Nil if there is one server.
func NATSRouteService(svc *v1alpha1.RealtimeService) *corev1.Service {
	if !clustered(svc) {
		return nil
	}
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: owned(svc, NATSSetName(svc.Name, svc.Spec.NATSServers()), componentNATS),
		Spec: corev1.ServiceSpec{
			Type:                     corev1.ServiceTypeClusterIP,
			ClusterIP:                corev1.ClusterIPNone,
			PublishNotReadyAddresses: true,
			Selector:                 selector(svc.Name, componentNATS),
			Ports: []corev1.ServicePort{{
				Name:        natsRoutePortName,
				Protocol:    corev1.ProtocolTCP,
				AppProtocol: ptr.To(appProtocolTCP),
				Port:        natsRoutePort,
				TargetPort:  intstr.FromInt32(natsRoutePort),
			}},
		},
	}
}
