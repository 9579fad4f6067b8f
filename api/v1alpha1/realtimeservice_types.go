// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RealtimeService is a Socket.IO service: its namespaces and what they do with events, the gateways
// that serve it, and the NATS that connects them. The operator turns it into Kubernetes objects;
// gateways and `realtime dev` run it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.gateway.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:resource:shortName=rts,categories=all
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Gateways",type=string,JSONPath=`.status.gateways`,description="Ready gateways of those wanted"
// +kubebuilder:printcolumn:name="Connections",type=integer,JSONPath=`.status.connections`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="NATS",type=string,JSONPath=`.status.conditions[?(@.type=="NATSAvailable")].reason`,priority=1
// +kubebuilder:printcolumn:name="Rollout",type=string,JSONPath=`.status.conditions[?(@.type=="Progressing")].reason`,priority=1
// +kubebuilder:printcolumn:name="Load",type=string,priority=1,JSONPath=`.status.autoscaling.load`,description="Average connections of a gateway, and the target"
// +kubebuilder:printcolumn:name="Floor",type=integer,priority=1,JSONPath=`.status.autoscaling.floor`,description="Gateways that the connections need"
// +kubebuilder:printcolumn:name="Max",type=integer,priority=1,JSONPath=`.spec.gateway.autoscaling.maxReplicas`,description="Most gateways that there may be"
// +kubebuilder:printcolumn:name="Update",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="UpToDate")].reason`,description="UpToDate, UpdateAvailable, Waiting or Updating"
// +kubebuilder:printcolumn:name="Release",type=string,priority=1,JSONPath=`.status.release`,description="Release of the operator whose gateways run"
// +kubebuilder:printcolumn:name="Image",type=string,priority=1,JSONPath=`.status.gatewayImage`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must be lower-case letters, digits and '-', and start with a letter, since a Service has the same name"
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 45",message="metadata.name may have at most 45 characters, since the names of the objects it owns are made from it"
type RealtimeService struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired service.
	// +required
	Spec RealtimeServiceSpec `json:"spec,omitzero"`
	// status is the service as the operator last observed it.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status RealtimeServiceStatus `json:"status,omitzero"` // without the default, kstatus would take a new service for ready
}

// RealtimeServiceList is a list of services.
//
// +kubebuilder:object:root=true
type RealtimeServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RealtimeService `json:"items"`
}

// RealtimeServiceSpec is the desired service.
//
// +kubebuilder:validation:XValidation:rule="!has(self.recovery) || has(self.nats) && has(self.nats.urls) || self.recovery.replicas == 1",message="is for a NATS of your own (spec.nats.urls); all servers of the operator's store events, see spec.nats.managed.replicas",fieldPath=".recovery.replicas"
// +kubebuilder:validation:XValidation:rule="!has(self.recovery) || has(self.nats) && has(self.nats.urls) || !has(self.recovery.maxBytes)",message="is for a NATS of your own; that of the operator is bounded by storage.size",fieldPath=".recovery.maxBytes"
// +kubebuilder:validation:XValidation:rule="!has(self.recovery) || !has(self.nats) || !has(self.nats.urls) || !has(self.recovery.storage.persistent) || !self.recovery.storage.persistent",message="is for the NATS that the operator runs, and spec.nats.urls names another",fieldPath=".recovery.storage.persistent"
// +kubebuilder:validation:XValidation:rule="!has(self.recovery) || !has(oldSelf.recovery) || has(self.nats) && has(self.nats.urls) || has(oldSelf.nats) && has(oldSelf.nats.urls) || (has(self.nats) && has(self.nats.managed) && has(self.nats.managed.replicas) ? self.nats.managed.replicas : 1) == (has(oldSelf.nats) && has(oldSelf.nats.managed) && has(oldSelf.nats.managed.replicas) ? oldSelf.nats.managed.replicas : 1)",message="cannot change while spec.recovery is set, since what is stored would be left behind; docs/operations/nats.md says how to take it along",fieldPath=".nats.managed.replicas"
// +kubebuilder:validation:XValidation:rule="!has(self.exposure) || !has(self.exposure.gatewayAPI) || !has(self.exposure.gatewayAPI.webTransportParentRefs) || has(self.protocol.webTransport)",message="is for clients that use WebTransport, which spec.protocol.webTransport does not offer",fieldPath=".exposure.gatewayAPI.webTransportParentRefs"
type RealtimeServiceSpec struct {
	// gateway describes the pods that clients connect to.
	// +optional
	// +kubebuilder:default={}
	Gateway GatewaySpec `json:"gateway,omitzero"`

	// nats describes the NATS that connects the gateways: one of your own, or the one that the
	// operator runs for this service alone. If absent, the operator runs one with the defaults.
	// +optional
	NATS *NATSSpec `json:"nats,omitempty"`

	// protocol holds the settings of the wire: path, heartbeat, size limits, transports, CORS.
	// +optional
	// +kubebuilder:default={}
	Protocol ProtocolSpec `json:"protocol,omitzero"`

	// limits bounds what clients can make a gateway hold.
	// +optional
	// +kubebuilder:default={}
	Limits LimitsSpec `json:"limits,omitzero"`

	// recovery lets clients come back without a loss. If absent, a client that reconnects starts a
	// new session.
	// +optional
	Recovery *RecoverySpec `json:"recovery,omitempty"`

	// api opens an HTTP endpoint for publishers. If absent, they publish over NATS only.
	// +optional
	API *APISpec `json:"api,omitempty"`

	// exposure leads clients from outside of the cluster to the service. If absent, its Service is
	// all there is.
	// +optional
	Exposure *ExposureSpec `json:"exposure,omitempty"`

	// networkPolicy restricts access to the ports of the service's pods. If absent, no
	// NetworkPolicy is created. The cluster's network plugin must enforce policies.
	// +optional
	NetworkPolicy *NetworkPolicySpec `json:"networkPolicy,omitempty"`

	// authentication has the ways by which clients say who they are. A namespace names those that
	// it accepts.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Authentication []Authentication `json:"authentication,omitempty"`

	// revocation lets programs revoke tokens. It requires spec.recovery, whose storage it shares,
	// or a NATS of your own with JetStream. If absent, a token is valid until it expires.
	// +optional
	Revocation *RevocationSpec `json:"revocation,omitempty"`

	// namespaces are the Socket.IO namespaces of the service. A client that asks for another gets
	// connect_error "Invalid namespace".
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Namespaces []Namespace `json:"namespaces,omitempty"`

	// dynamicNamespaces describe all namespaces whose name matches a pattern. A name in namespaces
	// takes precedence, then patterns in their order.
	// +optional
	// +listType=map
	// +listMapKey=pattern
	// +kubebuilder:validation:MaxItems=64
	DynamicNamespaces []DynamicNamespace `json:"dynamicNamespaces,omitempty"`
}
