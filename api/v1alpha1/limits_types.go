// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// LimitsSpec bounds what clients can make a gateway hold. The defaults suit a gateway with 128 MiB.
type LimitsSpec struct {
	// maxConnections is how many clients a gateway takes. More are refused with 503, and come back by
	// themselves. 0 takes any number.
	// +optional
	// +kubebuilder:default=20000
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	MaxConnections *int32 `json:"maxConnections,omitempty"`

	// maxNamespaces is how many namespaces a client may be in at once, over one connection. One more is
	// refused with connect_error "Too many namespaces".
	// +optional
	// +kubebuilder:default=64
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	MaxNamespaces *int32 `json:"maxNamespaces,omitempty"`

	// maxRooms is how many rooms a client may be in at once, in all its namespaces together. A join beyond
	// that fails.
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MaxRooms *int32 `json:"maxRooms,omitempty"`
}

// The schema's defaults, for a service that has not been through it.
const (
	defaultMaxConnections = 20_000
	defaultMaxNamespaces  = 64
	defaultMaxRooms       = 1000
)

// Connections is how many clients a gateway takes; 0 for any number.
func (l *LimitsSpec) Connections() int { return valueOr(l.MaxConnections, defaultMaxConnections) }

// Namespaces is how many namespaces a client may be in at once.
func (l *LimitsSpec) Namespaces() int { return valueOr(l.MaxNamespaces, defaultMaxNamespaces) }

// Rooms is how many rooms a client may be in at once.
func (l *LimitsSpec) Rooms() int { return valueOr(l.MaxRooms, defaultMaxRooms) }

func valueOr(field *int32, value int) int {
	if field == nil {
		return value
	}
	return int(*field)
}
