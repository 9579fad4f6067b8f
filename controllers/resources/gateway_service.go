// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// What the ports of Services carry, for service meshes and implementations of the Gateway API.
const (
	// appProtocolWebSocket is HTTP/1.1 of which requests upgrade to WebSocket. "http" would be
	// understood as well, but makes Azure's load balancer probe the path /, where a gateway answers
	// 404.
	appProtocolWebSocket = "kubernetes.io/ws"
	appProtocolHTTP      = "http"
	appProtocolTCP       = "tcp"
)

// GatewayService is the Service for clients. It has no session affinity, which would put all
// clients behind a NAT on one gateway, and does not expose the ops port.
func GatewayService(svc *v1alpha1.RealtimeService) *corev1.Service {
	wanted := svc.Spec.Gateway.Service
	meta := owned(svc, svc.Name, componentGateway)
	meta.Annotations = wanted.Annotations
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: meta,
		Spec: corev1.ServiceSpec{
			Type:            cmp.Or(wanted.Type, corev1.ServiceTypeClusterIP),
			SessionAffinity: corev1.ServiceAffinityNone,
			Selector:        GatewaySelector(svc.Name),
			Ports: append([]corev1.ServicePort{{
				Name:        gatewayPortName,
				Protocol:    corev1.ProtocolTCP,
				AppProtocol: ptr.To(appProtocolWebSocket),
				Port:        cmp.Or(wanted.Port, 80),
				TargetPort:  intstr.FromString(gatewayPortName),
			}}, webTransportPorts(svc)...),
		},
	}
}
