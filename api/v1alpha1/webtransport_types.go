// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// WebTransportSpec says how gateways prove who they are over UDP, where no ingress does it for them. Clients come by the UDP
// port spec.gateway.service.webTransportPort.
type WebTransportSpec struct {
	// tlsSecretRef names a Secret of type kubernetes.io/tls in the service's namespace, such as cert-manager makes them:
	// `tls.crt` and `tls.key`, for the host name that clients connect to. Gateways take a renewed one without a restart.
	// `realtime dev` has no Secrets, and makes a certificate of its own.
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
