//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testBadManifests applies what must be refused: by kubectl and the schema, by CEL rules in the
// schema, and by the webhook.
func testBadManifests(t *testing.T) {
	namespace := newNamespace(t, "refused")
	manifest := func(spec string) string {
		return "apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: bad}\nspec:\n" + spec
	}
	const fine = "  namespaces: [{name: /}]\n"

	for name, test := range map[string]struct {
		manifest string
		want     []string // parts of the answer: path and reason
	}{
		"unknown field": {
			manifest("  gateway: {replica: 2}\n" + fine),
			[]string{"spec.gateway.replica", "unknown field"},
		},
		"duration that is none": {
			manifest("  protocol: {pingInterval: soon}\n" + fine),
			[]string{"spec.protocol.pingInterval", "soon"},
		},
		"duration out of bounds": {
			manifest("  protocol: {pingTimeout: 2h}\n" + fine),
			[]string{"spec.protocol.pingTimeout", "must be from 100ms to 1h"},
		},
		"namespace twice": {
			manifest("  namespaces: [{name: /}, {name: /}]\n"),
			[]string{"spec.namespaces[1]", "Duplicate value"},
		},
		"reserved event": {
			manifest("  namespaces: [{name: /, handlers: [{event: connect_error, do: [{ack: '[]'}]}]}]\n"),
			[]string{"spec.namespaces[0].handlers[0].event", "reserved"},
		},
		"two actions in one": {
			manifest("  namespaces: [{name: /, handlers: [{event: hi, do: [{ack: '[]', join: \"'a'\"}]}]}]\n"),
			[]string{"spec.namespaces[0].handlers[0].do[0]"},
		},
		"name too long": {
			strings.Replace(manifest(fine), "name: bad", "name: "+strings.Repeat("a", 46), 1),
			[]string{"at most 45 characters"},
		},
		"expression that does not compile": {
			manifest("  namespaces: [{name: /, handlers: [{event: hi, do: [{emit: {event: hello, args: '[args[0'}}]}]}]\n"),
			[]string{"spec.namespaces[0].handlers[0].do[0].emit.args", "Syntax error"},
		},
		"expression of an unknown variable": {
			manifest("  namespaces: [{name: /, handlers: [{event: hi, when: 'sockets.id != \"\"', do: [{ack: '[]'}]}]}]\n"),
			[]string{"spec.namespaces[0].handlers[0].when", "undeclared reference"},
		},
		"expression of the wrong kind": {
			manifest("  namespaces: [{name: /, handlers: [{event: hi, do: [{ack: \"'ok'\"}]}]}]\n"),
			[]string{"spec.namespaces[0].handlers[0].do[0].ack", "list"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := tryKubectl(t, test.manifest, "--namespace", namespace, "apply", "--filename=-")
			if err == nil {
				t.Fatalf("kubectl apply accepted it: %s", output)
			}
			for _, part := range test.want {
				if !strings.Contains(output, part) {
					t.Errorf("the answer does not say %q:\n%s", part, output)
				}
			}
		})
	}
	if left := kubectl(t, "--namespace", namespace, "get", "rts", "--output=name"); left != "" {
		t.Errorf("%s came into being", left)
	}
}

// testShownManifests lets the API server judge what people copy.
func testShownManifests(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, fromManifest, _ := strings.Cut(string(readme), "```yaml\n")
	manifest, _, _ := strings.Cut(fromManifest, "```")
	dryRun(t, "README.md", manifest)

	files, err := filepath.Glob(samples + "*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.yaml") {
			continue // the tests of a sample
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dryRun(t, file, string(source))
	}
}

// dryRun applies a manifest without keeping it.
func dryRun(t *testing.T, name, manifest string) {
	t.Helper()
	output, err := tryKubectl(t, manifest, "apply", "--dry-run=server", "--filename=-")
	if err != nil {
		t.Errorf("%s is refused: %v\n%s", name, err, output)
	}
}
