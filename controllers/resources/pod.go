// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// place applies a manifest's settings to a pod, except for those of its metadata and for the
// spread, whose defaults differ.
func place(pod *corev1.PodSpec, settings *v1alpha1.PodSettings) {
	pod.ImagePullSecrets = settings.ImagePullSecrets
	pod.NodeSelector = settings.NodeSelector
	pod.Tolerations = settings.Tolerations
	pod.Affinity = settings.Affinity
	pod.PriorityClassName = settings.PriorityClassName
}

// with returns labels or annotations of a manifest and those of the operator, which win.
func with(theirs, ours map[string]string) map[string]string {
	both := make(map[string]string, len(theirs)+len(ours))
	maps.Copy(both, theirs)
	maps.Copy(both, ours)
	return both
}

// apart places pods on different nodes, and in different zones, as far as possible.
func apart() []corev1.TopologySpreadConstraint {
	return []corev1.TopologySpreadConstraint{
		{MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway},
		{MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.ScheduleAnyway},
	}
}

// spread returns the constraints, of which each without a selector counts our pods. These have a
// revision's label if there is one, so that only those of the same revision count.
func spread(constraints []corev1.TopologySpreadConstraint, ours map[string]string, revisionLabel string) []corev1.TopologySpreadConstraint {
	var complete []corev1.TopologySpreadConstraint
	for i := range constraints {
		c := constraints[i].DeepCopy()
		if c.LabelSelector == nil {
			c.LabelSelector = &metav1.LabelSelector{MatchLabels: ours}
			if c.MatchLabelKeys == nil && revisionLabel != "" {
				c.MatchLabelKeys = []string{revisionLabel}
			}
		}
		complete = append(complete, *c)
	}
	return complete
}

// nobody is the user that all pods run as.
const nobody = 65532

// podSecurity and containerSecurity meet the pod security standard "restricted", with a read-only
// root file system.
func podSecurity() *corev1.PodSecurityContext {
	return &corev1.PodSecurityContext{
		RunAsNonRoot:   ptr.To(true),
		RunAsUser:      ptr.To[int64](nobody),
		RunAsGroup:     ptr.To[int64](nobody),
		FSGroup:        ptr.To[int64](nobody),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// AssignUserIDs leaves user and group ids of a pod to the cluster, as OpenShift requires it, which
// gives each namespace a range of its own.
func AssignUserIDs(pod *corev1.PodSpec) {
	pod.SecurityContext.RunAsUser = nil
	pod.SecurityContext.RunAsGroup = nil
	pod.SecurityContext.FSGroup = nil
}

func containerSecurity() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

func probe(path, port string, periodSeconds int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: path,
			Port: intstr.FromString(port),
		}},
		PeriodSeconds: periodSeconds,
	}
}
