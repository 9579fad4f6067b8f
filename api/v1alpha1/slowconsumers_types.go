// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// SlowConsumersSpec says what becomes of clients that do not read what they are sent. Nobody waits for them: what they do not read waits in
// the gateway's memory, each client's up to these bounds.
type SlowConsumersSpec struct {
	// maxQueueBytes is how much may wait for one client. One that is to be sent more is disconnected; stock clients come back by
	// themselves, and with spec.recovery they get what they have missed.
	// +optional
	// +kubebuilder:default="4Mi"
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('64Ki')) && !quantity(string(self)).isGreaterThan(quantity('256Mi'))",message="must be from 64Ki to 256Mi"
	MaxQueueBytes resource.Quantity `json:"maxQueueBytes,omitempty"`

	// maxQueueMessages is how many messages may wait for one client, with the same end.
	// +optional
	// +kubebuilder:default=16384
	// +kubebuilder:validation:Minimum=16
	// +kubebuilder:validation:Maximum=1000000
	MaxQueueMessages int32 `json:"maxQueueMessages,omitempty"`

	// policy says what becomes of volatile events for a client that has fallen behind: one whose connection takes no more, or that is
	// between two polls. DropVolatile drops them; Disconnect lets them wait like all others, so that a client gets everything or is
	// disconnected.
	// +optional
	// +kubebuilder:default=DropVolatile
	Policy SlowConsumerPolicy `json:"policy,omitempty"`
}

// SlowConsumerPolicy is what becomes of volatile events for a client that has fallen behind.
//
// +kubebuilder:validation:Enum=DropVolatile;Disconnect
type SlowConsumerPolicy string

const (
	// SlowConsumerDropVolatile drops volatile events, as Socket.IO does. The others wait up to the bounds.
	SlowConsumerDropVolatile SlowConsumerPolicy = "DropVolatile"
	// SlowConsumerDisconnect has all events wait, up to the bounds.
	SlowConsumerDisconnect SlowConsumerPolicy = "Disconnect"
)
