// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// LimitsSpec bounds what clients can make a gateway hold. The defaults suit a gateway with 128 MiB
// of memory. A change applies to open connections too; what exceeds the new limit already is kept.
type LimitsSpec struct {
	// maxConnections is how many clients a gateway accepts. It refuses further handshakes with 503
	// and a Retry-After of 5 seconds; stock clients come back by themselves. 0 means no limit.
	// +optional
	// +kubebuilder:default=20000
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	MaxConnections *int32 `json:"maxConnections,omitempty"`

	// maxNamespaces is how many namespaces a client may be in at once, over one connection. A
	// further one is refused with connect_error "Too many namespaces". A client may join 64 more
	// than this at once, and after that a quarter of this, but at least 4, per second.
	// +optional
	// +kubebuilder:default=64
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	MaxNamespaces *int32 `json:"maxNamespaces,omitempty"`

	// maxRooms is how many rooms a client may be in at once, in all its namespaces together. A
	// further join fails. A client may join 100 more than this at once, and after that a tenth of
	// this, but at least 10, per second.
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MaxRooms *int32 `json:"maxRooms,omitempty"`

	// perSocket bounds how fast each socket may send. Without it, clients may send as fast as they
	// like.
	// +optional
	PerSocket *SocketLimits `json:"perSocket,omitempty"`

	// perUser bounds what each user may do, on all gateways together. It needs a namespace with
	// authentication.
	// +optional
	PerUser *UserLimits `json:"perUser,omitempty"`

	// perAddress bounds what the clients of one address can hold of each gateway. The first 64 bits
	// of an IPv6 address count as one. Behind proxies, all clients have the proxies' addresses
	// unless protocol.trustedProxies names these.
	// +optional
	PerAddress PerAddressLimits `json:"perAddress,omitzero"`
}

// PerAddressLimits bounds what the clients of one address can hold of each gateway.
type PerAddressLimits struct {
	// connections is how many connections an address may have to a gateway. Further handshakes are
	// refused with 429 and a Retry-After of 5 seconds; stock clients come back by themselves. 0, or
	// absent, means no limit.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	Connections *int32 `json:"connections,omitempty"`

	// unauthenticated is how many of these may be in no namespace, which is what
	// protocol.connectTimeout ends. 0 means no limit. If absent, it is 100 if all namespaces ask
	// who a client is and protocol.trustedProxies is set, and otherwise there is no limit.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	Unauthenticated *int32 `json:"unauthenticated,omitempty"`
}

// The defaults of the schema, for a service without it.
const (
	defaultMaxConnections = 20_000
	defaultMaxNamespaces  = 64
	defaultMaxRooms       = 1000
)

// Connections returns how many clients a gateway accepts, 0 for any number.
func (l *LimitsSpec) Connections() int { return valueOr(l.MaxConnections, defaultMaxConnections) }

// Namespaces returns how many namespaces a client may be in at once.
func (l *LimitsSpec) Namespaces() int { return valueOr(l.MaxNamespaces, defaultMaxNamespaces) }

// Rooms returns how many rooms a client may be in at once.
func (l *LimitsSpec) Rooms() int { return valueOr(l.MaxRooms, defaultMaxRooms) }

func valueOr(field *int32, value int) int {
	if field == nil {
		return value
	}
	return int(*field)
}
