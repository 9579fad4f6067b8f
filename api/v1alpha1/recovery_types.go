// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// RecoverySpec lets clients that have lost their connection, or whose gateway has gone, come back as the sockets that they were, with
// all that they have missed (connection state recovery, for clients of Socket.IO 4.6 and later). Everything that is emitted
// and not volatile is stored in JetStream first.
type RecoverySpec struct {
	// maxDisconnection is how long after the loss of its connection a client may come back.
	// +optional
	// +kubebuilder:default="2m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be 1s or more"
	MaxDisconnection Duration `json:"maxDisconnection,omitzero"`

	// maxMessages is how much a client may have missed. One that has missed more begins anew.
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	MaxMessages int32 `json:"maxMessages,omitempty"`

	// replicas is on how many NATS servers the events are kept: of a NATS cluster of your own, see spec.nats. The NATS that
	// the operator runs is one server.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Enum=1;3;5
	Replicas int32 `json:"replicas,omitempty"`

	// maxBytes bounds what a NATS of your own keeps of the service, see spec.nats, which reserves the space. Beyond it new events
	// wait in the gateways, and are then refused; nothing that is stored is dropped. Without it the limits of the NATS
	// account apply. For the NATS that the operator runs, storage.size is the bound.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('16Mi'))",message="must be 16Mi or more"
	MaxBytes *resource.Quantity `json:"maxBytes,omitempty"`

	// storage is where the operator's own NATS keeps the events.
	// +optional
	// +kubebuilder:default={}
	Storage StorageSpec `json:"storage,omitzero"`
}

// StorageSpec is the disk of the operator's own NATS.
type StorageSpec struct {
	// size of it.
	// +optional
	// +kubebuilder:default="1Gi"
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('16Mi'))",message="must be 16Mi or more"
	Size resource.Quantity `json:"size,omitempty"`

	// persistent asks for a PersistentVolumeClaim, so that the events outlive NATS's pod. Otherwise they are on the pod's node, and
	// outlive its container only.
	// +optional
	Persistent bool `json:"persistent,omitempty"`

	// storageClassName of the claim; the cluster's default if left out.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
}
