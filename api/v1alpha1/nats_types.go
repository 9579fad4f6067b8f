// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// NATSSpec describes the NATS that connects the gateways: servers of your own, which urls names, or
// the one that the operator runs. With neither, the operator runs one with the defaults.
//
// +kubebuilder:validation:XValidation:rule="!has(self.urls) || !has(self.managed)",message="is for the NATS that the operator runs, and urls names another: remove one of them",fieldPath=".managed"
// +kubebuilder:validation:XValidation:rule="has(self.urls) || !has(self.credentialsSecretRef)",message="is for a NATS of your own: name its servers in urls",fieldPath=".credentialsSecretRef"
type NATSSpec struct {
	// urls of your own servers, such as nats://nats.messaging:4222, without user and password. If
	// absent, the operator runs NATS for this service alone.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^(nats|tls|ws|wss)://[^\s,/@]+$`
	URLs []string `json:"urls,omitempty"`

	// credentialsSecretRef names a Secret in the service's namespace with the credentials for your
	// own servers: `user.creds` (a NATS credentials file), or `token`, or `username` and
	// `password`; and `ca.crt`, `tls.crt` and `tls.key` for TLS.
	// +optional
	CredentialsSecretRef *corev1.LocalObjectReference `json:"credentialsSecretRef,omitempty"`

	// managed has the settings of the NATS that the operator runs.
	// +optional
	Managed *ManagedNATSSpec `json:"managed,omitempty"`
}

// ManagedNATSSpec has the settings of the NATS that the operator runs. Without imagePullSecrets,
// its pod has those of the gateways.
type ManagedNATSSpec struct {
	// image of NATS. Defaults to the operator's `--nats-image`.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Image string `json:"image,omitempty"`

	// replicas is the number of servers: 1, or 3 that form a cluster, of which one may fail. With
	// recovery, each event is stored by all of them. It cannot change while the service has
	// recovery, since what is stored would be left behind.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Enum=1;3
	Replicas int32 `json:"replicas,omitempty"`

	PodSettings `json:",inline"`

	// resources of the NATS container. NATS collects garbage before it reaches the memory limit, of
	// which 90% are its GOMEMLIMIT. Defaults to requests of 50m CPU and 64Mi memory, and a memory
	// limit of 1Gi.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// External reports whether the service uses NATS servers of the user's own.
func (s *RealtimeServiceSpec) External() bool { return s.NATS != nil && len(s.NATS.URLs) > 0 }

// NATSServers returns how many servers the NATS has that the operator runs; 0 if it runs none.
func (s *RealtimeServiceSpec) NATSServers() int32 {
	if s.External() {
		return 0
	}
	return max(1, s.ManagedNATS().Replicas)
}

// StoredBy returns the number of NATS servers that store each event; 0 without recovery.
func (s *RealtimeServiceSpec) StoredBy() int32 {
	if s.Recovery == nil {
		return 0
	}
	if own := s.NATSServers(); own > 0 {
		return own
	}
	return s.Recovery.Replicas
}

// ManagedNATS returns the settings of the NATS that the operator runs; empty if the manifest has
// none.
func (s *RealtimeServiceSpec) ManagedNATS() ManagedNATSSpec {
	if s.NATS == nil || s.NATS.Managed == nil {
		return ManagedNATSSpec{}
	}
	return *s.NATS.Managed
}
