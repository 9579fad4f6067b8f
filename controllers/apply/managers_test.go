// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func managed(manager, version, subresource, fields string) metav1.ManagedFieldsEntry {
	entry := &metav1.FieldsV1{}
	if err := entry.UnmarshalJSON([]byte(fields)); err != nil {
		panic(err)
	}
	return metav1.ManagedFieldsEntry{Manager: manager, APIVersion: version, Subresource: subresource, FieldsV1: entry, Operation: metav1.ManagedFieldsOperationUpdate}
}

func TestClaims(t *testing.T) {
	deployment := "{apiVersion: apps/v1, kind: Deployment, metadata: {labels: {a: b}}, spec: {template: {metadata: {labels: {a: b}}}}}"
	service := "{apiVersion: v1, kind: Service, spec: {ports: [{port: 80, protocol: TCP}]}}"
	for name, test := range map[string]struct {
		wanted string
		entry  metav1.ManagedFieldsEntry
		want   string
	}{
		"a field of a pod":         {deployment, managed("x", "apps/v1", "", `{"f:spec":{"f:template":{"f:spec":{"f:hostNetwork":{}}}}}`), `"x" wrote spec.template.spec.hostNetwork`},
		"the number of pods":       {deployment, managed("x", "apps/v1", "scale", `{"f:spec":{"f:replicas":{}}}`), ""},
		"a label of ours":          {deployment, managed("x", "apps/v1", "", `{"f:metadata":{"f:labels":{"f:a":{},"f:c":{}}}}`), `"x" wrote metadata.labels.a`},
		"a label of pods":          {deployment, managed("x", "apps/v1", "", `{"f:spec":{"f:template":{"f:metadata":{"f:labels":{"f:a":{}}}}}}`), `"x" wrote spec.template.metadata.labels.a`},
		"an annotation of pods":    {deployment, managed("x", "apps/v1", "", `{"f:spec":{"f:template":{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/restartedAt":{}}}}}}`), ""},
		"the status":               {deployment, managed("x", "apps/v1", "status", `{"f:spec":{"f:paused":{}}}`), ""},
		"ours":                     {deployment, managed("realtime-operator", "apps/v1", "", `{"f:spec":{"f:paused":{}}}`), ""},
		"ours of another purpose":  {deployment, managed("realtime-operator-scale", "apps/v1", "", `{"f:spec":{"f:paused":{}}}`), ""},
		"another version":          {deployment, managed("x", "apps/v1beta1", "", `{"f:spec":{"f:paused":{}}}`), ""},
		"node port of ours":        {service, managed("x", "v1", "", `{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{"f:nodePort":{}}}}}`), ""},
		"node port of another":     {service, managed("x", "v1", "", `{"f:spec":{"f:ports":{"k:{\"port\":81,\"protocol\":\"TCP\"}":{"f:nodePort":{}}}}}`), `"x" wrote spec.ports[port=81,protocol="TCP"].nodePort`},
		"address of a Service":     {service, managed("x", "v1", "", `{"f:spec":{"f:clusterIP":{},"f:externalTrafficPolicy":{}}}`), ""},
		"a kind that nobody knows": {"{apiVersion: v1, kind: Thing}", managed("x", "v1", "", `{"f:spec":{"f:a":{}}}`), ""},
		"many fields":              {deployment, managed("x", "apps/v1", "", `{"f:spec":{"f:a":{},"f:b":{},"f:c":{},"f:d":{},"f:e":{}}}`), `"x" wrote spec.a, spec.b, spec.c and 2 more`},
	} {
		t.Run(name, func(t *testing.T) {
			wanted := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(test.wanted), &wanted.Object); err != nil {
				t.Fatal(err)
			}
			if ports, found, _ := unstructured.NestedSlice(wanted.Object, "spec", "ports"); found {
				ports[0].(map[string]any)["port"] = int64(80) // as a typed object is converted
				if err := unstructured.SetNestedSlice(wanted.Object, ports, "spec", "ports"); err != nil {
					t.Fatal(err)
				}
			}
			got, err := claims([]metav1.ManagedFieldsEntry{test.entry}, wanted)
			if err != nil || got.String() != test.want {
				t.Errorf("%s, %v, want %s", got, err, test.want)
			}
		})
	}
}

func TestReclaimedLeavesTheRest(t *testing.T) {
	wanted := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment"}}
	entries := []metav1.ManagedFieldsEntry{
		managed("x", "apps/v1", "", `{"f:metadata":{"f:labels":{"f:team":{}}},"f:spec":{"f:paused":{}}}`),
		managed("y", "apps/v1", "", `{"f:spec":{"f:minReadySeconds":{}}}`),
		managed("z", "apps/v1", "status", `{"f:status":{"f:replicas":{}}}`),
	}
	got, err := reclaimed(slices.Clone(entries), wanted)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, entry := range got {
		fields, err := entry.FieldsV1.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, entry.Manager+" "+string(entry.Operation)+" "+string(fields))
	}
	want := []string{
		`x Update {"f:metadata":{"f:labels":{"f:team":{}}}}`,
		`z Update {"f:status":{"f:replicas":{}}}`,
		`realtime-operator Apply {"f:spec":{"f:minReadySeconds":{},"f:paused":{}}}`,
	}
	if !slices.Equal(texts, want) {
		t.Errorf("it is\n%s\nwant\n%s", strings.Join(texts, "\n"), strings.Join(want, "\n"))
	}
}
