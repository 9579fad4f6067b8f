// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FieldManager is the field manager of what the operator applies.
const FieldManager = "realtime-operator"

// Condition types of a RealtimeService.
const (
	// ConditionReady is true while clients can connect to gateways that run the newest
	// configuration.
	ConditionReady = "Ready"
	// ConditionGatewaysAvailable is true while as many gateways are ready as are wanted.
	ConditionGatewaysAvailable = "GatewaysAvailable"
	// ConditionNATSAvailable is true while the service's NATS is ready, or is one that the operator
	// does not run, and all gateways are connected to it.
	ConditionNATSAvailable = "NATSAvailable"
	// ConditionConfigured is true while every ready gateway runs the configuration of this
	// generation.
	ConditionConfigured = "Configured"
)

// RealtimeServiceStatus is the service as the operator last observed it.
type RealtimeServiceStatus struct {
	// observedGeneration is the generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, GatewaysAvailable, NATSAvailable and Configured.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// replicas is the number of existing gateways, for the scale subresource.
	// +optional
	// +kubebuilder:default=0
	Replicas int32 `json:"replicas"` //nolint:kubeapilinter // 0 is said, too: scale and printers read it

	// readyReplicas is the number of gateways that accept clients.
	// +optional
	// +kubebuilder:default=0
	ReadyReplicas int32 `json:"readyReplicas"` //nolint:kubeapilinter // 0 is said, too: scale and printers read it

	// gateways is the number of ready gateways of those wanted, such as 2/3, for people.
	// +optional
	Gateways string `json:"gateways,omitempty"`

	// connections is the number of clients on all gateways.
	// +optional
	// +kubebuilder:default=0
	Connections int64 `json:"connections"` //nolint:kubeapilinter // 0 is said, too: scale and printers read it

	// selector of the gateway pods, for the scale subresource.
	// +optional
	Selector string `json:"selector,omitempty"`
}
