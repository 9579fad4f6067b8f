// SPDX-License-Identifier: Apache-2.0

package gatewayconfig

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// config is a RealtimeService in the form for gateways.
type config struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metadata `json:"metadata"`
	Spec            spec     `json:"spec"`
}

type metadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// spec is the whole spec but for what gateways do not read, so that scaling changes nothing here. A
// field that a later release adds is in it: a gateway that did not hear of a limit would have none.
type spec struct {
	v1alpha1.RealtimeServiceSpec `json:",inline"`
	// Gateway, Exposure and NetworkPolicy take the place of those of the embedded spec.
	Gateway       gateway   `json:"gateway,omitzero"`
	Exposure      *struct{} `json:"exposure,omitempty"`
	NetworkPolicy *struct{} `json:"networkPolicy,omitempty"`
}

// gateway has the settings of a gateway itself that can change while it runs.
type gateway struct {
	Drain     *v1alpha1.DrainSpec     `json:"drain,omitempty"`
	Tracing   *v1alpha1.TracingSpec   `json:"tracing,omitempty"`
	Profiling *v1alpha1.ProfilingSpec `json:"profiling,omitempty"`
}

func gatewayOf(g *v1alpha1.GatewaySpec) gateway {
	return gateway{Drain: g.Drain, Tracing: g.Tracing, Profiling: g.Profiling}
}

// Render returns the configuration of a service's gateways, with its sequence number; 0 is none.
// The same service always results in the same bytes. Parse reads them.
func Render(svc *v1alpha1.RealtimeService, sequence int64) ([]byte, error) {
	data, err := yaml.Marshal(config{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "RealtimeService"},
		Metadata: metadata{Name: svc.Name, Namespace: svc.Namespace, Annotations: Annotations(sequence)},
		Spec:     spec{RealtimeServiceSpec: guarded(svc.Spec), Gateway: gatewayOf(&svc.Spec.Gateway)},
	})
	if err != nil {
		return nil, fmt.Errorf("write the gateways' configuration: %w", err)
	}
	return data, nil
}

// Parse decodes a configuration, which the API server has checked and completed. It ignores unknown
// fields, since in a rollout of the operator a gateway may be older than its configuration.
func Parse(data []byte) (*v1alpha1.RealtimeService, error) {
	var svc v1alpha1.RealtimeService
	if err := yaml.Unmarshal(data, &svc); err != nil {
		return nil, fmt.Errorf("parse the configuration: %w", err)
	}
	understand(&svc.Spec)
	return &svc, nil
}
