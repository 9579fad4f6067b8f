// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// WebTransportSpec configures how gateways authenticate themselves over UDP, where no ingress does
// it for them. Clients connect to the UDP port spec.gateway.service.webTransportPort.
type WebTransportSpec struct {
	// tlsSecretRef names a Secret of type kubernetes.io/tls in the service's namespace, such as
	// cert-manager creates: `tls.crt` and `tls.key`, for the host name that clients connect to.
	// Gateways load a renewed certificate without a restart. `realtime dev` ignores it and makes a
	// certificate of its own.
	// +required
	TLSSecretRef SecretReference `json:"tlsSecretRef,omitzero"`
}

// SecretReference names a Secret in the service's namespace.
type SecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`
}
