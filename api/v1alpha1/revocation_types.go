// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// RevocationSpec lets programs revoke tokens before they expire. What is revoked is stored in
// JetStream.
type RevocationSpec struct {
	// keep is how long a revocation lasts: as long as tokens are valid at most.
	// +optional
	// +kubebuilder:default="24h"
	Keep Age `json:"keep,omitzero"`
}
