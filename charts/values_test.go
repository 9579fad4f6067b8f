//go:build chart

// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

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
