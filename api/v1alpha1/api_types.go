// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// DefaultAPIPort is the default port of the Service that publishers use.
const DefaultAPIPort = 8080

// APISpec opens an HTTP endpoint for publishers. It has a Service of its own, NAME-api, of type
// ClusterIP, whatever the type of the Service for clients.
type APISpec struct {
	// tokenSecretRef names the tokens that give access.
	// +required
	TokenSecretRef TokenSecretRef `json:"tokenSecretRef,omitzero"`

	// port of the Service.
	// +optional
	// +kubebuilder:default=8080
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// TokenSecretRef names a key of a Secret in the service's namespace, with one token per line. Each
// token gives access, so that one can be replaced while programs still use another.
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
