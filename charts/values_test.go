//go:build chart

// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func TestSchemaKnowsExactlyTheValues(t *testing.T) {
	source, err := os.ReadFile("realtime-operator/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(source, &schema); err != nil {
		t.Fatal(err)
	}
	var known []string
	for name, property := range schema.Properties {
		if name == "global" { // Helm's own
			continue
		}
		if len(property.Properties) == 0 || opaque(name) {
			known = append(known, name)
			continue
		}
		for field := range property.Properties {
			known = append(known, name+"."+field)
		}
	}
	values := valuePaths(t)
	for _, path := range known {
		if _, ok := values[path]; !ok {
			t.Errorf("the schema knows %s, values.yaml does not", path)
		}
	}
	for path := range values {
		if !slices.Contains(known, path) {
			t.Errorf("values.yaml has %s, the schema has not", path)
		}
	}
}

// The schema names the fields of Kubernetes' types, so that a misspelt one is refused by helm, and
// one that is new in Kubernetes is noticed here.
func TestSchemaKnowsTheFieldsOfKubernetes(t *testing.T) {
	source, err := os.ReadFile("realtime-operator/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		AdditionalProperties any            `json:"additionalProperties"`
		Properties           map[string]any `json:"properties"`
	}
	var schema struct {
		Properties map[string]struct {
			object
			Items object `json:"items"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(source, &schema); err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]reflect.Type{
		"tolerations":               reflect.TypeFor[corev1.Toleration](),
		"topologySpreadConstraints": reflect.TypeFor[corev1.TopologySpreadConstraint](),
		"extraEnv":                  reflect.TypeFor[corev1.EnvVar](),
		"imagePullSecrets":          reflect.TypeFor[corev1.LocalObjectReference](),
		"affinity":                  reflect.TypeFor[corev1.Affinity](),
		"resources":                 reflect.TypeFor[corev1.ResourceRequirements](),
	} {
		known := schema.Properties[name].object
		if known.Properties == nil {
			known = schema.Properties[name].Items
		}
		var fields []string
		for i := range kind.NumField() {
			field, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			fields = append(fields, field)
		}
		slices.Sort(fields)
		if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(known.Properties))); diff != "" || known.AdditionalProperties != false {
			t.Errorf("%s (-Kubernetes +schema), others %v:\n%s", name, known.AdditionalProperties, diff)
		}
	}
}

// opaque says whether a value is a piece of a Kubernetes object, told as a whole.
func opaque(name string) bool {
	return slices.Contains([]string{"resources", "affinity", "podAnnotations", "podLabels", "nodeSelector"}, name)
}

// valuePaths are the values of values.yaml and their defaults, such as image.pullPolicy:
// IfNotPresent.
func valuePaths(t *testing.T) map[string]string {
	t.Helper()
	source, err := os.ReadFile("realtime-operator/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.UnmarshalStrict(source, &values); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{}
	for name, value := range values {
		group, ok := value.(map[string]any)
		if !ok || opaque(name) {
			paths[name] = literal(t, value)
			continue
		}
		for field, value := range group {
			paths[name+"."+field] = literal(t, value)
		}
	}
	return paths
}

func literal(t *testing.T, value any) string {
	t.Helper()
	if text, ok := value.(string); ok && text != "" {
		return text
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}
