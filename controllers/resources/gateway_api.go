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

// APIPort is the port of a gateway for programs that publish.
const APIPort = 8080

const (
	apiPortName = "api"
	apiDir      = "/etc/realtime/api"
	apiFile     = "tokens"
	apiKey      = "token"
)

// APIName is the name of the Service for programs that publish.
func APIName(service string) string { return service + "-api" }

// APIService is the Service for programs that publish; nil without spec.api. It is separate from
// the Service for clients, which may be exposed to the internet, and is always a ClusterIP.
func APIService(svc *v1alpha1.RealtimeService) *corev1.Service {
	if svc.Spec.API == nil {
		return nil
	}
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: owned(svc, APIName(svc.Name), componentGateway),
		Spec: corev1.ServiceSpec{
			Type:            corev1.ServiceTypeClusterIP,
			SessionAffinity: corev1.ServiceAffinityNone,
			Selector:        GatewaySelector(svc.Name),
			Ports: []corev1.ServicePort{{
				Name:        apiPortName,
				Protocol:    corev1.ProtocolTCP,
				AppProtocol: ptr.To(appProtocolHTTP),
				Port:        cmp.Or(svc.Spec.API.Port, v1alpha1.DefaultAPIPort),
				TargetPort:  intstr.FromString(apiPortName),
			}},
		},
	}
}

// apiVolume has the tokens, as a directory, so that they change with the Secret. If the Secret is
// missing the gateway runs without it: clients must not wait for what only programs need.
func apiVolume(api *v1alpha1.APISpec) corev1.Volume {
	return corev1.Volume{
		Name: apiPortName,
		VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: api.TokenSecretRef.Name,
			Items:      []corev1.KeyToPath{{Key: cmp.Or(api.TokenSecretRef.Key, apiKey), Path: apiFile}},
			Optional:   ptr.To(true),
		}},
	}
}

func apiMount() corev1.VolumeMount {
	return corev1.VolumeMount{Name: apiPortName, MountPath: apiDir, ReadOnly: true}
}
