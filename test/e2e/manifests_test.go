//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// edit changes fields of a manifest, given as paths such as spec.gateway.replicas. A nil takes the
// field away.
func edit(t *testing.T, manifest string, fields map[string]any) string {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(manifest), &object); err != nil {
		t.Fatalf("reading the manifest: %v", err)
	}
	for path, value := range fields {
		keys := strings.Split(path, ".")
		if value == nil {
			unstructured.RemoveNestedField(object, keys...)
			continue
		}
		if err := unstructured.SetNestedField(object, value, keys...); err != nil {
			t.Fatalf("setting %s: %v", path, err)
		}
	}
	changed, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(changed)
}

// withReplicas is the manifest with a fixed number of gateways, so that no autoscaler moves clients
// in the middle of a test.
func withReplicas(t *testing.T, manifest string, replicas int64) string {
	t.Helper()
	return edit(t, manifest, map[string]any{"spec.gateway.replicas": replicas, "spec.gateway.autoscaling": nil})
}

// writeOverlay writes a kustomization of config/default with the images of this run, and returns
// its directory. As kustomize wants bases by relative path, it is a copy.
func writeOverlay(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	if err := os.CopyFS(directory, os.DirFS("../../config")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, "default", "kustomization.yaml")
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	for original, image := range map[string]string{"newTag: 0.1.0": setting(t, "IMAGE"), "newTag: 2.15.3": setting(t, "NATS_IMAGE")} {
		repository, tag, _ := strings.Cut(image, ":")
		if !strings.Contains(text, original) {
			t.Fatalf("the kustomization has no %q", original)
		}
		text = strings.Replace(text, original, "newName: "+repository+"\n  newTag: "+tag, 1)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(path)
}
