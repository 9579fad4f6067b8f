// SPDX-License-Identifier: Apache-2.0

// Command slim removes from the generated CRD the descriptions inside of types of Kubernetes, which
// Kubernetes documents:
//
//	go run ./hack/docs/slim config/crd/bases/realtime-operator.io_realtimeservices.yaml
//
// With them the CRD has twice the size, and `kubectl apply` keeps all of it in an annotation, for
// which there are 256 KiB.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/hack/docs/kubernetes"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "slim:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("name the file with the CRD")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("read the CRD: %w", err)
	}
	slim, err := slimmed(data, kubernetes.Types())
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], slim, 0o644)
}

// slimmed returns a CRD without the descriptions inside of the fields of types. The fields keep
// their own.
func slimmed(crd []byte, types map[string]kubernetes.Type) ([]byte, error) {
	var object map[string]any
	if err := yaml.Unmarshal(crd, &object); err != nil {
		return nil, fmt.Errorf("parse the CRD: %w", err)
	}
	var typed apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(crd, &typed); err != nil {
		return nil, fmt.Errorf("parse the CRD: %w", err)
	}
	versions := object["spec"].(map[string]any)["versions"].([]any)
	root := versions[0].(map[string]any)["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)
	for path := range types {
		field, err := fieldAt(root, path)
		if err != nil {
			return nil, err
		}
		own := field["description"]
		undescribe(field)
		field["description"] = own
	}
	text, err := yaml.Marshal(object)
	return append([]byte("---\n"), text...), err
}

// fieldAt returns the schema of a field such as spec.gateway.tolerations.
func fieldAt(schema map[string]any, path string) (map[string]any, error) {
	for name := range strings.SplitSeq(path, ".") {
		properties, _ := schema["properties"].(map[string]any)
		field, ok := properties[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("the CRD has no field %s: correct the table of Kubernetes' types", path)
		}
		schema = field
	}
	return schema, nil
}

// undescribe removes all descriptions of a schema. A property may be named description: that is a
// schema, and not a text.
func undescribe(schema any) {
	switch node := schema.(type) {
	case map[string]any:
		if _, ok := node["description"].(string); ok {
			delete(node, "description")
		}
		for _, inner := range node {
			undescribe(inner)
		}
	case []any:
		for _, inner := range node {
			undescribe(inner)
		}
	}
}
