// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// ConfigKey is the file of the ConfigMap that gateways read.
const ConfigKey = "service.yaml"

// config is the RealtimeService as gateways read it: only what they swap in while they run. What the pod template
// knows is left out, so that scaling alters nothing here.
type config struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        configMetadata `json:"metadata"`
	Spec            configSpec     `json:"spec"`
}

type configMetadata struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

type configSpec struct {
	Protocol          v1alpha1.ProtocolSpec       `json:"protocol"`
	Recovery          *v1alpha1.RecoverySpec      `json:"recovery,omitempty"`
	Namespaces        []v1alpha1.Namespace        `json:"namespaces"`
	DynamicNamespaces []v1alpha1.DynamicNamespace `json:"dynamicNamespaces,omitempty"`
}

// ConfigMap holds the configuration of a service's gateways. The same service always yields the same bytes.
func ConfigMap(svc *v1alpha1.RealtimeService) (*corev1.ConfigMap, error) {
	data, err := yaml.Marshal(config{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "RealtimeService"},
		Metadata: configMetadata{Name: svc.Name, Namespace: svc.Namespace},
		Spec:     configSpec{Protocol: svc.Spec.Protocol, Recovery: svc.Spec.Recovery, Namespaces: svc.Spec.Namespaces, DynamicNamespaces: svc.Spec.DynamicNamespaces},
	})
	if err != nil {
		return nil, fmt.Errorf("write the gateways' configuration: %w", err)
	}
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: owned(svc, ConfigMapName(svc.Name), componentGateway),
		Data:       map[string]string{ConfigKey: string(data)},
	}, nil
}
