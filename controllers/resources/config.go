// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// ConfigKey is the key of the ConfigMap that gateways read.
const ConfigKey = "service.yaml"

// config is the RealtimeService in the form for gateways: only what they can change while they run.
// What is in the pod template is left out, so that scaling changes nothing here.
type config struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        configMetadata `json:"metadata"`
	Spec            configSpec     `json:"spec"`
}

type configMetadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// configSpec has the fields of a RealtimeServiceSpec that gateways read. A test fails if it lacks
// one that is not named there.
type configSpec struct {
	Gateway           configGateway               `json:"gateway,omitzero"`
	Protocol          v1alpha1.ProtocolSpec       `json:"protocol"`
	Limits            v1alpha1.LimitsSpec         `json:"limits,omitzero"`
	Recovery          *v1alpha1.RecoverySpec      `json:"recovery,omitempty"`
	Authentication    []v1alpha1.Authentication   `json:"authentication,omitempty"`
	Revocation        *v1alpha1.RevocationSpec    `json:"revocation,omitempty"`
	Namespaces        []v1alpha1.Namespace        `json:"namespaces"`
	DynamicNamespaces []v1alpha1.DynamicNamespace `json:"dynamicNamespaces,omitempty"`
}

// configGateway has the settings of a gateway itself that can change while it runs.
type configGateway struct {
	Drain *v1alpha1.DrainSpec `json:"drain,omitempty"`
}

// ConfigMap has the configuration of a service's gateways, with its sequence number; 0 is none. The
// same service always results in the same bytes.
func ConfigMap(svc *v1alpha1.RealtimeService, sequence int64) (*corev1.ConfigMap, error) {
	annotations := gatewayconfig.Annotations(sequence)
	data, err := yaml.Marshal(config{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "RealtimeService"},
		Metadata: configMetadata{Name: svc.Name, Namespace: svc.Namespace, Annotations: annotations},
		Spec: configSpec{
			Gateway:           configGateway{Drain: svc.Spec.Gateway.Drain},
			Protocol:          svc.Spec.Protocol,
			Limits:            svc.Spec.Limits,
			Recovery:          svc.Spec.Recovery,
			Authentication:    svc.Spec.Authentication,
			Revocation:        svc.Spec.Revocation,
			Namespaces:        svc.Spec.Namespaces,
			DynamicNamespaces: svc.Spec.DynamicNamespaces,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("write the gateways' configuration: %w", err)
	}
	meta := owned(svc, ConfigMapName(svc.Name), componentGateway)
	meta.Annotations = annotations
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta,
		Data:       map[string]string{ConfigKey: string(data)},
	}, nil
}
