// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/resource"
)

// SocketLimits bound how fast a client may send, in each of its namespaces. A client that connects
// again, also to a former session, begins with a full burst.
//
// +kubebuilder:validation:MinProperties=1
type SocketLimits struct {
	// events bounds all events together, also those without a handler.
	// +optional
	Events *EventRate `json:"events,omitempty"`

	// bytes bounds what the events and acknowledgements of the client take: their names and
	// arguments with all attachments. An acknowledgement over the limit is dropped: who waits for
	// it waits in vain.
	// +optional
	Bytes *ByteRate `json:"bytes,omitempty"`

	// byEvent bounds single events by their name, in addition to the limits for all.
	// +optional
	// +listType=map
	// +listMapKey=event
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	ByEvent []NamedEventRate `json:"byEvent,omitempty"`
}

// UserLimits bound what all sockets of a user may do together, on all gateways. A user is one of an
// entry of spec.authentication; clients without a token have none. Gateways tell each other what
// users have used, four times a second, so that for a moment a user may have more.
//
// +kubebuilder:validation:MinProperties=1
type UserLimits struct {
	// events bounds all events of the user, also those without a handler.
	// +optional
	Events *EventRate `json:"events,omitempty"`

	// bytes bounds what the user's events and acknowledgements take, as perSocket.bytes does.
	// +optional
	Bytes *ByteRate `json:"bytes,omitempty"`

	// connections is how many connections the user may have. A further one is refused with
	// connect_error, whose data are {code: "too_many_connections"}. A connection to several
	// namespaces counts once.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Connections *int32 `json:"connections,omitempty"`

	// connectionsMode is Enforce, or Audit to admit everybody, and count and log who would be
	// refused.
	// +optional
	// +kubebuilder:validation:Enum=Enforce;Audit
	ConnectionsMode AccessMode `json:"connectionsMode,omitempty"`
}

// EventRate is a limit for events.
type EventRate struct {
	// rate is how many events per second are allowed in the long run.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Rate int32 `json:"rate,omitempty"`

	// burst is how many may come at once. It is twice the rate if it is left out.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Burst int32 `json:"burst,omitempty"`

	LimitPolicy `json:",inline"`
}

// AtOnce returns how many events may come at once.
func (r *EventRate) AtOnce() int64 { return cmp.Or(int64(r.Burst), 2*int64(r.Rate)) }

// NamedEventRate is a limit for the events of a name.
type NamedEventRate struct {
	// event is the name of the event.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="!(self in ['*', 'connection', 'disconnecting', 'disconnect', 'connect', 'connect_error', 'newListener', 'removeListener'])",message="is no event that clients emit; perSocket.events bounds all events together"
	Event string `json:"event,omitempty"`

	EventRate `json:",inline"`
}

// ByteRate is a limit for bytes.
type ByteRate struct {
	// rate is how many bytes per second are allowed in the long run.
	// +required
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('1k')) && !quantity(string(self)).isGreaterThan(quantity('1Gi'))",message="must be from 1k to 1Gi"
	Rate resource.Quantity `json:"rate,omitempty"`

	// burst is how many may come at once. It is twice the rate if it is left out. An event that is
	// larger than the burst is let through when nothing else has been used for a while; the client
	// then waits until all of it is earned.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('1k')) && !quantity(string(self)).isGreaterThan(quantity('1Gi'))",message="must be from 1k to 1Gi"
	Burst *resource.Quantity `json:"burst,omitempty"`

	LimitPolicy `json:",inline"`
}

// AtOnce returns how many bytes may come at once.
func (r *ByteRate) AtOnce() int64 {
	if r.Burst == nil {
		return 2 * r.Rate.Value()
	}
	return r.Burst.Value()
}

// LimitPolicy says what becomes of an event over a limit. It counts for no limit.
type LimitPolicy struct {
	// onExceed is Reject to tell the client: the event's acknowledgement is {error: {code:
	// "rate_limited", limit, retryAfter}}, with the milliseconds after which the event would be
	// accepted. If the event asks for none, the client gets an event `rate_limited` with the same
	// data, at most once per second. Drop tells nobody. Disconnect closes the connection, and stock
	// clients reconnect.
	// +optional
	// +kubebuilder:default=Reject
	// +kubebuilder:validation:Enum=Reject;Drop;Disconnect
	OnExceed OnExceed `json:"onExceed,omitempty"`

	// mode is Enforce, or Audit to let everything through, and count and log what is over the
	// limit.
	// +optional
	// +kubebuilder:default=Enforce
	// +kubebuilder:validation:Enum=Enforce;Audit
	Mode AccessMode `json:"mode,omitempty"`
}

// OnExceed says what becomes of a client over a limit.
type OnExceed string

const (
	// ExceedReject tells the client that the event is refused. It is the default.
	ExceedReject OnExceed = "Reject"
	// ExceedDrop drops the event silently.
	ExceedDrop OnExceed = "Drop"
	// ExceedDisconnect closes the connection.
	ExceedDisconnect OnExceed = "Disconnect"
)
