// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func withWebTransport(spec *v1alpha1.RealtimeServiceSpec) {
	spec.Protocol.WebTransport = &v1alpha1.WebTransportSpec{TLSSecretRef: v1alpha1.SecretReference{Name: "chat-tls"}}
}

func TestWebTransportIsAUDPPortWithACertificate(t *testing.T) {
	pod := GatewayDeployment(service(t, withWebTransport), "image").Spec.Template.Spec
	port := pod.Containers[0].Ports[len(pod.Containers[0].Ports)-1]
	if diff := cmp.Diff(corev1.ContainerPort{Name: "webtransport", ContainerPort: 3000, Protocol: corev1.ProtocolUDP}, port); diff != "" {
		t.Error(diff)
	}
	volume := pod.Volumes[len(pod.Volumes)-1]
	if volume.Secret == nil || volume.Secret.SecretName != "chat-tls" {
		t.Fatalf("volume %+v", volume)
	}
	if diff := cmp.Diff([]corev1.KeyToPath{{Key: "tls.crt", Path: "tls.crt"}, {Key: "tls.key", Path: "tls.key"}}, volume.Secret.Items); diff != "" {
		t.Error(diff)
	}
	mount := pod.Containers[0].VolumeMounts[len(pod.Containers[0].VolumeMounts)-1]
	if diff := cmp.Diff(corev1.VolumeMount{Name: volume.Name, MountPath: "/etc/realtime/webtransport", ReadOnly: true}, mount); diff != "" {
		t.Error(diff)
	}
}

func TestWebTransportPortOfTheService(t *testing.T) {
	for name, test := range map[string]struct {
		port int32
		want []corev1.ServicePort
		edit func(*v1alpha1.RealtimeServiceSpec)
	}{
		"none by default": {edit: func(*v1alpha1.RealtimeServiceSpec) {}},
		"443 if nothing is said": {edit: withWebTransport, want: []corev1.ServicePort{
			{Name: "webtransport", Protocol: corev1.ProtocolUDP, Port: 443, TargetPort: intstr.FromString("webtransport")},
		}},
		"the manifest's": {port: 80, edit: withWebTransport, want: []corev1.ServicePort{
			{Name: "webtransport", Protocol: corev1.ProtocolUDP, Port: 80, TargetPort: intstr.FromString("webtransport")},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			svc := service(t, test.edit)
			if test.port != 0 {
				svc.Spec.Gateway.Service.WebTransportPort = test.port
			}
			ports := GatewayService(svc).Spec.Ports
			if ports[0].Name != "socketio" || ports[0].Port != 80 || ports[0].Protocol != corev1.ProtocolTCP {
				t.Errorf("the other clients' port %+v", ports[0])
			}
			if diff := cmp.Diff(test.want, append([]corev1.ServicePort(nil), ports[1:]...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
