// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// ConditionExposed is true while clients outside of the cluster are led to the service. It is
// absent without spec.exposure.
const ConditionExposed = "Exposed"

// ExposureSpec leads clients from outside of the cluster to the service, by an Ingress or by routes
// of Gateway API.
//
// +kubebuilder:validation:XValidation:rule="has(self.ingress) != has(self.gatewayAPI)",message="must have either ingress or gatewayAPI"
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || !has(self.gatewayAPI)",message="is for an ingress: with Gateway API the listener of the Gateway has the certificate",fieldPath=".tls"
type ExposureSpec struct {
	// host is the name by which clients reach the service, such as chat.example.com. A name that
	// begins with `*.` stands for all names of one more label.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^([*][.])?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="must be a DNS name in lower case, such as chat.example.com, without scheme, port and path"
	Host string `json:"host,omitempty"`

	// tls is the certificate of the host, for an ingress. If absent, the ingress serves HTTP, and
	// HTTPS if its controller has a certificate of its own.
	// +optional
	TLS *ExposureTLS `json:"tls,omitempty"`

	// annotations of the Ingress or the routes, for their controllers: such as
	// cert-manager.io/cluster-issuer, or settings of an ingress controller. They come before those
	// that the operator sets.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// ingress makes an Ingress.
	// +optional
	Ingress *IngressSpec `json:"ingress,omitempty"`

	// gatewayAPI makes an HTTPRoute, and for WebTransport a UDPRoute. Its resources must be
	// installed in the cluster.
	// +optional
	GatewayAPI *GatewayAPISpec `json:"gatewayAPI,omitempty"`
}

// ExposureTLS is the certificate of a host.
type ExposureTLS struct {
	// secretName names a Secret in the service's namespace with `tls.crt` and `tls.key`. With the
	// annotation of a cert-manager issuer, cert-manager writes it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
}

// IngressSpec describes the Ingress.
type IngressSpec struct {
	// className names the IngressClass. If absent, the cluster's default class is used.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ClassName string `json:"className,omitempty"`
}

// GatewayAPISpec describes the routes.
type GatewayAPISpec struct {
	// parentRefs are the Gateways that carry HTTP.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	ParentRefs []GatewayReference `json:"parentRefs,omitempty"`

	// webTransportParentRefs are the Gateways that carry UDP to the service, for clients that use
	// WebTransport, with a listener of UDP each.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	WebTransportParentRefs []GatewayReference `json:"webTransportParentRefs,omitempty"`
}

// GatewayReference names a Gateway of Gateway API, or one of its listeners.
type GatewayReference struct {
	// name of the Gateway.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// namespace of the Gateway. Defaults to that of the service. The Gateway's listener must allow
	// routes from the service's namespace.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// sectionName names a listener of the Gateway. If absent, the route is for all that allow it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SectionName string `json:"sectionName,omitempty"`
}
