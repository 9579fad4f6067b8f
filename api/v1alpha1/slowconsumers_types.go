// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// SlowConsumersSpec controls what happens to clients that do not read what they are sent. Nobody
// waits for them: what is sent to them waits in the gateway's memory, up to these limits per
// client.
type SlowConsumersSpec struct {
	// maxQueueBytes is how many bytes may wait for one client. A client that is sent more is cut
	// off without being told why; disconnect handlers see the reason "slow consumer". Stock clients
	// come back by themselves, and with spec.recovery they receive what they have missed. A history
	// and a recovery backlog may be larger, since the client takes them piece by piece.
	// +optional
	// +kubebuilder:default="4Mi"
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('64Ki')) && !quantity(string(self)).isGreaterThan(quantity('256Mi'))",message="must be from 64Ki to 256Mi"
	MaxQueueBytes resource.Quantity `json:"maxQueueBytes,omitempty"`

	// maxQueueMessages is how many messages may wait for one client, with the same consequence.
	// +optional
	// +kubebuilder:default=16384
	// +kubebuilder:validation:Minimum=16
	// +kubebuilder:validation:Maximum=1000000
	MaxQueueMessages int32 `json:"maxQueueMessages,omitempty"`

	// policy for volatile events to a client that has fallen behind: its connection is full, or it
	// is between two polls. DropVolatile drops them. Disconnect lets them wait like all other
	// events, so that a client receives everything or is disconnected.
	// +optional
	// +kubebuilder:default=DropVolatile
	Policy SlowConsumerPolicy `json:"policy,omitempty"`
}

// SlowConsumerPolicy is the treatment of volatile events to a client that has fallen behind.
//
// +kubebuilder:validation:Enum=DropVolatile;Disconnect
type SlowConsumerPolicy string

const (
	// SlowConsumerDropVolatile drops volatile events, as Socket.IO does. Other events wait, up to
	// the limits.
	SlowConsumerDropVolatile SlowConsumerPolicy = "DropVolatile"
	// SlowConsumerDisconnect lets all events wait, up to the limits.
	SlowConsumerDisconnect SlowConsumerPolicy = "Disconnect"
)
