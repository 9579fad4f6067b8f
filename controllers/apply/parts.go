// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// parts are the fields that are the operator's with all that is in them, by kind: what others add
// there is removed. Keys of lists and maps are left out of a path. Labels and annotations are
// others' too, at the object and in a pod template, where `kubectl rollout restart` writes one.
type parts struct {
	ours, others []string
}

var partsOf = map[string]parts{
	"ConfigMap":               {ours: []string{"data", "binaryData", "immutable"}},
	"Secret":                  {ours: []string{"data", "immutable"}},
	"Deployment":              {ours: []string{"spec"}, others: []string{"spec.replicas", "spec.template.metadata"}},
	"StatefulSet":             {ours: []string{"spec"}, others: []string{"spec.template.metadata"}},
	"PodDisruptionBudget":     {ours: []string{"spec"}},
	"NetworkPolicy":           {ours: []string{"spec"}},
	"HorizontalPodAutoscaler": {ours: []string{"spec"}},
	// The rest of a Service's spec is written by load balancers, by the API server, and by people
	// for whom the manifest has no field.
	"Service": {ours: []string{
		"spec.ports", "spec.selector", "spec.type", "spec.sessionAffinity", "spec.sessionAffinityConfig", "spec.publishNotReadyAddresses",
	}},
	// A ServiceAccount's pull secrets and a claim's volume are the cluster's.
	"ServiceAccount":        {},
	"PersistentVolumeClaim": {},
}

// ours reports whether a field of a wanted object belongs to the operator, even if another manager
// has written it.
func ours(wanted *unstructured.Unstructured, path fieldpath.Path) bool {
	p, name := partsOf[wanted.GetKind()], fieldName(path)
	if wantedLabel(wanted, path) {
		return true
	}
	return within(name, p.ours) && !within(name, p.others) && !chosenNodePort(wanted, path)
}

// wantedLabel reports whether a field is a label or an annotation that is wanted.
func wantedLabel(wanted *unstructured.Unstructured, path fieldpath.Path) bool {
	var names []string
	for _, element := range path {
		if element.FieldName == nil {
			return false
		}
		names = append(names, *element.FieldName)
	}
	if len(names) < 3 || names[len(names)-3] != "metadata" {
		return false
	}
	_, found, _ := unstructured.NestedFieldNoCopy(wanted.Object, names...)
	return found
}

// within reports whether a field is one of some, or is in it.
func within(name string, some []string) bool {
	for _, part := range some {
		if name == part || strings.HasPrefix(name, part+".") {
			return true
		}
	}
	return false
}

// fieldName returns a path without the keys of lists, such as spec.ports.nodePort.
func fieldName(path fieldpath.Path) string {
	var names []string
	for _, element := range path {
		if element.FieldName != nil {
			names = append(names, *element.FieldName)
		}
	}
	return strings.Join(names, ".")
}

// chosenNodePort reports whether a field is the node port of a port that is wanted.
func chosenNodePort(wanted *unstructured.Unstructured, path fieldpath.Path) bool {
	if wanted.GetKind() != "Service" || len(path) != 4 || fieldName(path) != "spec.ports.nodePort" || path[2].Key == nil {
		return false
	}
	ports, _, _ := unstructured.NestedSlice(wanted.Object, "spec", "ports")
	for _, port := range ports {
		fields, ok := port.(map[string]any)
		if ok && hasKey(fields, path[2]) {
			return true
		}
	}
	return false
}

// hasKey reports whether an entry of a list has the key by which a path names it.
func hasKey(entry map[string]any, element fieldpath.PathElement) bool {
	for _, field := range *element.Key {
		if !value.Equals(value.NewValueInterface(entry[field.Name]), field.Value) { // 80 may be an integer or not
			return false
		}
	}
	return true
}
