// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/hack/docs/kubernetes"
)

const crd = `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec:
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        properties:
          spec:
            properties:
              own:
                description: Ours.
                type: string
              theirs:
                description: What it is for us.
                items:
                  description: Theirs.
                  properties:
                    description:
                      description: Theirs, too.
                      type: string
                  type: object
                type: array
`

func TestDescriptionsInsideOfKubernetesTypesGo(t *testing.T) {
	got, err := slimmed([]byte(crd), map[string]kubernetes.Type{"spec.theirs": {}})
	if err != nil {
		t.Fatal(err)
	}
	want := crd
	for _, line := range []string{"                  description: Theirs.\n", "                      description: Theirs, too.\n"} {
		want = strings.Replace(want, line, "", 1)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownFieldIsAnError(t *testing.T) {
	if _, err := slimmed([]byte(crd), map[string]kubernetes.Type{"spec.nothing": {}}); err == nil {
		t.Error("it is not")
	}
}

// A quarter of what fits is left for what else is an annotation.
func TestCRDFitsIntoTheAnnotationOfKubectlApply(t *testing.T) {
	const limit = 256 << 10 // of all annotations of an object
	data, err := os.ReadFile("../../../config/crd/bases/realtime-operator.io_realtimeservices.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var object any
	if err := yaml.Unmarshal(data, &object); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > limit*3/4 {
		t.Errorf("it has %d bytes, and may have %d", len(text), limit*3/4)
	}
}
