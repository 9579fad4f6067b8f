// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// PodSettings are the fields of a pod that a manifest may set, for gateways and for NATS alike.
// They have the names and meanings that they have in Kubernetes.
type PodSettings struct {
	// imagePullSecrets of the pods, for a private registry.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`

	// nodeSelector of the pods.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations of the pods.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`

	// affinity of the pods.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`

	// topologySpreadConstraints spread the pods over nodes, zones or other domains. One without a
	// labelSelector counts the pods that it is for: those of this service and of this kind. If
	// absent, gateways are spread over nodes and zones as far as possible. Those of one revision
	// count for each other, unless matchLabelKeys or a labelSelector says otherwise.
	// +optional
	// +listType=map
	// +listMapKey=topologyKey
	// +listMapKey=whenUnsatisfiable
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`

	// priorityClassName names the PriorityClass of the pods.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	PriorityClassName string `json:"priorityClassName,omitempty"`

	// podLabels are added to the pods. The operator's own labels are refused: those that begin with
	// realtime-operator.io/, and the name, instance, component, part-of and managed-by of
	// app.kubernetes.io.
	// +optional
	PodLabels map[string]string `json:"podLabels,omitempty"`

	// podAnnotations are added to the pods. Those that begin with realtime-operator.io/ are
	// refused.
	// +optional
	PodAnnotations map[string]string `json:"podAnnotations,omitempty"`
}

// The environment variables of a gateway that the operator sets.
const (
	EnvPodName     = "POD_NAME"
	EnvPodIP       = "POD_IP"
	EnvPodRevision = "POD_REVISION"
)

// ReservedEnv reports whether the operator sets an environment variable of gateways.
func ReservedEnv(name string) bool {
	return slices.Contains([]string{EnvPodName, EnvPodIP, EnvPodRevision}, name)
}

// The labels of the objects that the operator owns. Pods are found by some of them.
const (
	LabelName      = "app.kubernetes.io/name"
	LabelInstance  = "app.kubernetes.io/instance"
	LabelComponent = "app.kubernetes.io/component"
	LabelPartOf    = "app.kubernetes.io/part-of"
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// LabelService names the RealtimeService that an object belongs to.
	LabelService = ReservedPrefix + "service"
)

// ReservedPrefix begins the keys of labels and annotations that belong to the operator.
const ReservedPrefix = "realtime-operator.io/"

// ReservedLabel reports whether a pod's label is set by the operator, or by the controllers of
// Kubernetes that create its pods.
func ReservedLabel(key string) bool {
	return strings.HasPrefix(key, ReservedPrefix) || slices.Contains([]string{
		LabelName, LabelInstance, LabelComponent, LabelPartOf, LabelManagedBy,
		"pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
	}, key)
}
