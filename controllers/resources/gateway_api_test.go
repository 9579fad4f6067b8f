// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func withAPI(spec *v1alpha1.RealtimeServiceSpec) {
	spec.API = &v1alpha1.APISpec{TokenSecretRef: v1alpha1.TokenSecretRef{Name: "tokens", Key: "mine"}, Port: 9999}
}

func onTheInternet(spec *v1alpha1.RealtimeServiceSpec) {
	spec.Gateway.Service.Type = corev1.ServiceTypeLoadBalancer
}

func TestAPIFacesTheClusterOnly(t *testing.T) {
	svc := service(t, withAPI, onTheInternet)
	if ports := GatewayService(svc).Spec.Ports; len(ports) != 1 || ports[0].Name != "socketio" {
		t.Errorf("the Service of clients leads to %+v", ports)
	}
	api := APIService(svc)
	if api.Name != "chat-api" || api.Spec.Type != corev1.ServiceTypeClusterIP {
		t.Errorf("the API's Service is %s, a %s", api.Name, api.Spec.Type)
	}
	if p := api.Spec.Ports; len(p) != 1 || p[0].Name != "api" || p[0].Port != 9999 || p[0].TargetPort.StrVal != "api" {
		t.Errorf("its ports are %+v", p)
	}
	if APIService(service(t)) != nil {
		t.Error("there is one without spec.api")
	}
}

func TestGatewayOfAnAPI(t *testing.T) {
	pod := GatewayDeployment(service(t, withAPI), "image").Spec.Template.Spec
	container := pod.Containers[0]
	if !slices.Contains(container.Args, "--api-listen=:8080") || !slices.Contains(container.Args, "--api-token-file=/etc/realtime/api/tokens") {
		t.Errorf("args %q", container.Args)
	}
	if !slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == "api" && p.ContainerPort == 8080 }) {
		t.Errorf("ports %+v", container.Ports)
	}
	i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == "api" })
	if i < 0 {
		t.Fatalf("volumes %+v", pod.Volumes)
	}
	if s := pod.Volumes[i].Secret; s.SecretName != "tokens" || !*s.Optional || len(s.Items) != 1 || s.Items[0].Key != "mine" || s.Items[0].Path != "tokens" {
		t.Errorf("the volume holds %+v", s)
	}
	if !slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool {
		return m.Name == "api" && m.MountPath == "/etc/realtime/api" && m.ReadOnly
	}) {
		t.Errorf("mounts %+v", container.VolumeMounts)
	}

	for _, arg := range GatewayDeployment(service(t), "image").Spec.Template.Spec.Containers[0].Args {
		if len(arg) > 5 && arg[:5] == "--api" {
			t.Errorf("without spec.api a gateway is told %s", arg)
		}
	}
}
