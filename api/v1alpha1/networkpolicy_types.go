// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	networkingv1 "k8s.io/api/networking/v1"
)

// NetworkPolicySpec has the operator make NetworkPolicies for the service's pods. The service's gateways and the operator may
// always reach the ports that are for them; kubelets may by what Kubernetes asks of network plugins. The lists say who else may.
type NetworkPolicySpec struct {
	// clients may reach the ports for clients, such as those of an ingress controller. Left out, everybody may.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Clients []networkingv1.NetworkPolicyPeer `json:"clients,omitempty"`

	// publishers may reach the port of spec.api. Left out, everybody may, with a token.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Publishers []networkingv1.NetworkPolicyPeer `json:"publishers,omitempty"`

	// monitoring may reach the ops port, such as Prometheus. Left out, only the operator may.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Monitoring []networkingv1.NetworkPolicyPeer `json:"monitoring,omitempty"`

	// nats may reach the NATS that the operator runs, such as programs that publish by it. Left out, only the service's gateways may.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	NATS []networkingv1.NetworkPolicyPeer `json:"nats,omitempty"`
}
