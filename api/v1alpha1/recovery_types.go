// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// RecoverySpec enables connection state recovery, for clients of Socket.IO 4.6 and later: a client
// that has lost its connection or its gateway comes back as the socket that it was and receives the
// events that it has missed. Every event that is not volatile is stored in JetStream first.
type RecoverySpec struct {
	// maxDisconnection is how long after the loss of its connection a client can be recovered.
	// +optional
	// +kubebuilder:default="2m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be 1s or more"
	MaxDisconnection Duration `json:"maxDisconnection,omitzero"`

	// maxMessages is how many events a client may have missed; 16 MiB is a further limit. A client
	// that has missed more starts a new session.
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	MaxMessages int32 `json:"maxMessages,omitempty"`

	// replicas is the number of servers of a NATS of your own (spec.nats) that store the events. In
	// the NATS that the operator runs, all servers (spec.nats.managed.replicas) store them.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Enum=1;3;5
	Replicas int32 `json:"replicas,omitempty"`

	// maxBytes limits what a NATS of your own (spec.nats) stores for the service; NATS reserves the
	// space. Beyond it new events wait in the gateways and are then refused; nothing that is stored
	// is dropped. If absent, the limits of the NATS account apply. For the NATS that the operator
	// runs, storage.size is the limit.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('16Mi'))",message="must be 16Mi or more"
	MaxBytes *resource.Quantity `json:"maxBytes,omitempty"`

	// storage is where the operator's NATS stores the events.
	// +optional
	// +kubebuilder:default={}
	Storage StorageSpec `json:"storage,omitzero"`
}

// StorageSpec describes the disk of the operator's NATS. What a claim cannot change is refused
// while there is one.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.persistent) && self.persistent && has(oldSelf.persistent) && oldSelf.persistent) || !quantity(string(self.size)).isLessThan(quantity(string(oldSelf.size)))",fieldPath=".size",message="cannot become smaller: a claim only grows"
// +kubebuilder:validation:XValidation:rule="!(has(self.persistent) && self.persistent && has(oldSelf.persistent) && oldSelf.persistent) || !has(oldSelf.storageClassName) || has(self.storageClassName) && self.storageClassName == oldSelf.storageClassName",fieldPath=".storageClassName",message="cannot be changed: a claim keeps its class; make another service, or delete the claim with what is stored and set persistent to false first"
type StorageSpec struct {
	// size of the disk.
	// +optional
	// +kubebuilder:default="1Gi"
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('16Mi'))",message="must be 16Mi or more"
	Size resource.Quantity `json:"size,omitempty"`

	// persistent requests a PersistentVolumeClaim, so that the events outlive NATS's pod. Otherwise
	// they are on the pod's node and outlive only its container.
	// +optional
	Persistent bool `json:"persistent,omitempty"`

	// storageClassName of the claim. Defaults to the cluster's default class.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
}
