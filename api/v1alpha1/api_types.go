// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// DefaultAPIPort is the port of the Service that programs publish at.
const DefaultAPIPort = 8080

// APISpec opens an HTTP endpoint for programs that publish. It has a Service of its own, of type ClusterIP, whatever the type
// of the one that clients connect to.
type APISpec struct {
	// tokenSecretRef names the tokens that open it.
	// +required
	TokenSecretRef TokenSecretRef `json:"tokenSecretRef,omitzero"`

	// port of the Service.
	// +optional
	// +kubebuilder:default=8080
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// TokenSecretRef names a key of a Secret in the service's namespace, with tokens one a line: each opens the API, so that one can be
// replaced while programs still use the other.
type TokenSecretRef struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// key in the Secret.
	// +optional
	// +kubebuilder:default=token
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}
