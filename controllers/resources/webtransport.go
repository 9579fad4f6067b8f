// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"cmp"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// WebTransportPort is the UDP port for WebTransport. It has the number of GatewayPort: a client
// uses one number for all transports, so that a client that reaches a pod directly finds both.
const WebTransportPort = GatewayPort

const (
	webTransportPortName   = "webtransport"
	webTransportVolumeName = "webtransport"
	webTransportDir        = "/etc/realtime/webtransport"
)

// WebTransportSecret returns the name of the Secret with the certificate for WebTransport; empty if
// that is off.
func WebTransportSecret(svc *v1alpha1.RealtimeService) string {
	if svc.Spec.Protocol.WebTransport == nil {
		return ""
	}
	return svc.Spec.Protocol.WebTransport.TLSSecretRef.Name
}

// addWebTransport adds the UDP port and the certificate to a gateway's pod, if the service wants
// them. Both are part of the pod template, so turning WebTransport on or off replaces the gateways;
// a renewed certificate does not.
func addWebTransport(svc *v1alpha1.RealtimeService, pod *corev1.PodSpec) {
	secret := WebTransportSecret(svc)
	if secret == "" {
		return
	}
	gateway := &pod.Containers[0]
	gateway.Args = append(gateway.Args,
		"--webtransport-listen=:"+strconv.Itoa(WebTransportPort),
		"--webtransport-certificate-dir="+webTransportDir,
	)
	gateway.Ports = append(gateway.Ports, corev1.ContainerPort{
		Name: webTransportPortName, ContainerPort: WebTransportPort, Protocol: corev1.ProtocolUDP,
	})
	gateway.VolumeMounts = append(gateway.VolumeMounts, corev1.VolumeMount{Name: webTransportVolumeName, MountPath: webTransportDir, ReadOnly: true})
	pod.Volumes = append(pod.Volumes, corev1.Volume{
		Name: webTransportVolumeName,
		VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: secret,
			// The Secret may have more keys, such as the authority's certificate.
			Items: []corev1.KeyToPath{
				{Key: corev1.TLSCertKey, Path: corev1.TLSCertKey},
				{Key: corev1.TLSPrivateKeyKey, Path: corev1.TLSPrivateKeyKey},
			},
		}},
	})
}

// webTransportPorts returns the ports of the Service for WebTransport.
func webTransportPorts(svc *v1alpha1.RealtimeService) []corev1.ServicePort {
	if WebTransportSecret(svc) == "" {
		return nil
	}
	return []corev1.ServicePort{{
		Name:       webTransportPortName,
		Protocol:   corev1.ProtocolUDP,
		Port:       cmp.Or(svc.Spec.Gateway.Service.WebTransportPort, 443),
		TargetPort: intstr.FromString(webTransportPortName),
	}}
}
