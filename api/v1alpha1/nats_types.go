// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// NATSSpec names existing NATS servers.
type NATSSpec struct {
	// urls of the servers, such as nats://nats.messaging:4222, without user and password.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^(nats|tls|ws|wss)://[^\s,/@]+$`
	URLs []string `json:"urls,omitempty"`

	// credentialsSecretRef names a Secret in the service's namespace with the credentials:
	// `user.creds` (a NATS credentials file), or `token`, or `username` and `password`; and
	// `ca.crt`, `tls.crt` and `tls.key` for TLS.
	// +optional
	CredentialsSecretRef *corev1.LocalObjectReference `json:"credentialsSecretRef,omitempty"`
}
