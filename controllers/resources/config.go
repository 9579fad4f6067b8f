// SPDX-License-Identifier: Apache-2.0

package resources

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// ConfigKey is the key of the ConfigMap that gateways read.
const ConfigKey = "service.yaml"

// ConfigMap has the configuration of a service's gateways, with its sequence number; 0 is none. The
// same service always results in the same bytes.
func ConfigMap(svc *v1alpha1.RealtimeService, sequence int64) (*corev1.ConfigMap, error) {
	data, err := gatewayconfig.Render(svc, sequence)
	if err != nil {
		return nil, err
	}
	meta := owned(svc, ConfigMapName(svc.Name), componentGateway)
	meta.Annotations = gatewayconfig.Annotations(sequence)
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta,
		Data:       map[string]string{ConfigKey: string(data)},
	}, nil
}
