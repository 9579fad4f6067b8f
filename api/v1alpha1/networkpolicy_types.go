// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	networkingv1 "k8s.io/api/networking/v1"
)

// NetworkPolicySpec makes the operator create NetworkPolicies for the service's pods. The service's
// gateways and the operator may always reach the ports that are meant for them, and kubelets may,
// since Kubernetes requires it of network plugins. The lists add other peers.
type NetworkPolicySpec struct {
	// clients may reach the ports for clients: 3000, and the UDP port of WebTransport. An example
	// is an ingress controller. If absent, everybody may.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Clients []networkingv1.NetworkPolicyPeer `json:"clients,omitempty"`

	// publishers may reach port 8080, which spec.api opens. If absent, everybody may, with a token.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Publishers []networkingv1.NetworkPolicyPeer `json:"publishers,omitempty"`

	// monitoring may reach port 9090, as Prometheus does. If absent, only the operator may.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Monitoring []networkingv1.NetworkPolicyPeer `json:"monitoring,omitempty"`

	// nats may reach port 4222 of the operator's NATS, as publishers do. If absent, only the
	// service's gateways may.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	NATS []networkingv1.NetworkPolicyPeer `json:"nats,omitempty"`
}
