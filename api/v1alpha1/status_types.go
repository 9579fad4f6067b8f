// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FieldManager is the field manager of what the operator applies.
const FieldManager = "realtime-operator"

// Condition types of a RealtimeService.
const (
	// ConditionReady is true when everything that this generation asks for is rolled out and in
	// force, and clients can connect.
	ConditionReady = "Ready"
	// ConditionGatewaysAvailable is true while as many gateways are ready as are wanted, whatever
	// their pod template.
	ConditionGatewaysAvailable = "GatewaysAvailable"
	// ConditionProgressing is true while gateways and NATS are replaced by newer ones, and once
	// they are (reason RolledOut), and false while that cannot go on. It means what it does for a
	// Deployment.
	ConditionProgressing = "Progressing"
	// ConditionNATSAvailable is true while gateways are connected to NATS, and can use it for what
	// the service asks for.
	ConditionNATSAvailable = "NATSAvailable"
	// ConditionConfigured is true while every ready gateway runs the configuration of this
	// generation.
	ConditionConfigured = "Configured"
	// ConditionResolvedRefs is true while the Secrets and ConfigMaps exist that the service names.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionStalled is there, and true, while a person must change something before this
	// generation can be rolled out. Tools that use kstatus, such as Flux, take it for a failure.
	ConditionStalled = "Stalled"
	// ConditionScalingLimited is true while there should be another number of gateways than there
	// can be, for example because spec.gateway.autoscaling.maxReplicas is reached. A service
	// without autoscaling has it only while the number of gateways goes down to
	// spec.gateway.replicas.
	ConditionScalingLimited = "ScalingLimited"
	// ConditionUpToDate is true while the service's pods are those of the operator's release.
	ConditionUpToDate = "UpToDate"
	// ConditionPaused is true while the annotation AnnotationPaused keeps the operator from
	// changing anything, and absent otherwise.
	ConditionPaused = "Paused"
)

// OperatorScope is the namespaces that an installation of the operator looks after.
// +enum
type OperatorScope string

// The scopes.
const (
	// OperatorScopeCluster: all namespaces.
	OperatorScopeCluster OperatorScope = "Cluster"
	// OperatorScopeNamespaces: some namespaces, by name.
	OperatorScopeNamespaces OperatorScope = "Namespaces"
)

// OperatorClaim names an installation of the operator.
type OperatorClaim struct {
	// namespace of the installation.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// name of the installation, which is also that of its Lease.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// scope is Cluster if it looks after all namespaces, and Namespaces if after some. One for some
	// takes over from one for all.
	// +required
	// +kubebuilder:validation:Enum=Cluster;Namespaces
	Scope OperatorScope `json:"scope,omitempty"`
}

// RealtimeServiceStatus is the service as the operator last observed it.
type RealtimeServiceStatus struct {
	// observedGeneration is the generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// url is where clients from outside of the cluster reach the service, once it is exposed.
	// +optional
	URL string `json:"url,omitempty"`

	// conditions are Ready, GatewaysAvailable, Progressing, NATSAvailable, Configured, ResolvedRefs
	// and UpToDate; with spec.exposure also Exposed, with autoscaling ScalingLimited, and, while
	// they are true, Stalled and Paused.
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

	// autoscaling is absent without spec.gateway.autoscaling.targetConnections.
	// +optional
	Autoscaling *AutoscalingStatus `json:"autoscaling,omitempty"`

	// operator is the installation of the operator that looks after the service. Others leave it
	// alone.
	// +optional
	Operator *OperatorClaim `json:"operator,omitempty"`

	// release is the release of the operator whose pods the service has: that of the gateways.
	// +optional
	Release string `json:"release,omitempty"`

	// gatewayImage is the image of the gateways.
	// +optional
	GatewayImage string `json:"gatewayImage,omitempty"`

	// natsImage is the image of the NATS that the operator runs for the service.
	// +optional
	NATSImage string `json:"natsImage,omitempty"`

	// selector of the gateway pods, for the scale subresource.
	// +optional
	Selector string `json:"selector,omitempty"`
}

// AutoscalingStatus is the number of gateways that the clients need.
type AutoscalingStatus struct {
	// floor is the smallest number of gateways that the clients need, with headroom, within
	// minReplicas and maxReplicas. It is the minReplicas of the HorizontalPodAutoscaler.
	// +optional
	Floor int32 `json:"floor,omitempty"`

	// load is the average number of clients of a ready gateway and the target, such as 4210/5000,
	// for people.
	// +optional
	Load string `json:"load,omitempty"`
}
