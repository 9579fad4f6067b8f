// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// validatePods checks what the API server would refuse in the pods of gateways and of NATS, and
// refuses what the operator sets itself.
func validatePods(s *v1alpha1.RealtimeServiceSpec) field.ErrorList {
	gateway := field.NewPath("spec", "gateway")
	errs := validatePodSettings(&s.Gateway.PodSettings, gateway)
	errs = append(errs, validateResources(s.Gateway.Resources, gateway.Child("resources"))...)
	errs = append(errs, validateEnv(s.Gateway.Env, gateway.Child("env"))...)
	if s.NATS == nil || s.NATS.Managed == nil {
		return errs
	}
	managed := field.NewPath("spec", "nats", "managed")
	errs = append(errs, validatePodSettings(&s.NATS.Managed.PodSettings, managed)...)
	if r := s.NATS.Managed.Resources; r != nil {
		errs = append(errs, validateResources(*r, managed.Child("resources"))...)
	}
	return errs
}

func validatePodSettings(p *v1alpha1.PodSettings, path *field.Path) field.ErrorList {
	errs := validatePodLabels(p.PodLabels, path.Child("podLabels"))
	errs = append(errs, validatePodAnnotations(p.PodAnnotations, path.Child("podAnnotations"))...)
	errs = append(errs, metav1validation.ValidateLabels(p.NodeSelector, path.Child("nodeSelector"))...)
	for i := range p.Tolerations {
		errs = append(errs, validateToleration(&p.Tolerations[i], path.Child("tolerations").Index(i))...)
	}
	for i := range p.TopologySpreadConstraints {
		errs = append(errs, validateSpread(&p.TopologySpreadConstraints[i], path.Child("topologySpreadConstraints").Index(i))...)
	}
	return append(errs, validateAffinity(p.Affinity, path.Child("affinity"))...)
}

func validatePodLabels(labels map[string]string, path *field.Path) field.ErrorList {
	errs := metav1validation.ValidateLabels(labels, path)
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if v1alpha1.ReservedLabel(key) {
			errs = append(errs, field.Forbidden(path.Key(key), "the operator or Kubernetes sets this label, by which pods are found"))
		}
	}
	return errs
}

func validatePodAnnotations(annotations map[string]string, path *field.Path) field.ErrorList {
	errs := apivalidation.ValidateAnnotations(annotations, path)
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if strings.HasPrefix(key, v1alpha1.ReservedPrefix) {
			errs = append(errs, field.Forbidden(path.Key(key), "annotations with this prefix are the operator's"))
		}
	}
	return errs
}

func validateEnv(env []corev1.EnvVar, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range env {
		at, variable := path.Index(i), &env[i]
		for _, problem := range validation.IsEnvVarName(variable.Name) {
			errs = append(errs, field.Invalid(at.Child("name"), variable.Name, problem))
		}
		if v1alpha1.ReservedEnv(variable.Name) {
			errs = append(errs, field.Forbidden(at.Child("name"), "the operator sets "+variable.Name+"; other variables can refer to it: $("+variable.Name+")"))
		}
		if variable.ValueFrom != nil {
			errs = append(errs, validateEnvSource(variable, at)...)
		}
	}
	return errs
}

func validateEnvSource(variable *corev1.EnvVar, path *field.Path) field.ErrorList {
	if variable.Value != "" {
		return field.ErrorList{field.Forbidden(path.Child("valueFrom"), "value is set already")}
	}
	from, sources := variable.ValueFrom, 0
	for _, set := range []bool{from.FieldRef != nil, from.ResourceFieldRef != nil, from.ConfigMapKeyRef != nil, from.SecretKeyRef != nil, from.FileKeyRef != nil} {
		if set {
			sources++
		}
	}
	if sources != 1 {
		return field.ErrorList{field.Invalid(path.Child("valueFrom"), "", "must have exactly one source")}
	}
	return nil
}

// validateResources compares requests with limits. The schema checks that both are quantities.
func validateResources(r corev1.ResourceRequirements, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		request, limit := r.Requests[name], r.Limits[name]
		if _, limited := r.Limits[name]; limited && request.Cmp(limit) > 0 {
			errs = append(errs, field.Invalid(path.Child("requests").Key(string(name)), request.String(), "must not exceed the limit, "+limit.String()))
		}
	}
	return errs
}
