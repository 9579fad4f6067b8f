// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"os"
	"path/filepath"
	"testing"
)

// A manifest is read as the API server would read it: its YAML, its schema, its rules and its
// expressions.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: chat}\nspec: {namespaces: [{name: /}]}\n"))
	f.Add([]byte("---\nkind: ConfigMap\n---\n{\"kind\": \"RealtimeService\"}\n"))
	samples, err := filepath.Glob(filepath.Join("..", "..", "config", "samples", "*.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range samples {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		svc, err := Load(t.Context(), data)
		if err == nil && svc == nil {
			t.Error("nothing is loaded, and that is no error")
		}
	})
}
