// SPDX-License-Identifier: Apache-2.0

//go:build operator && !nodev

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestThePluginOfKubectlIsTheSameProgram(t *testing.T) {
	for program, want := range map[string]string{
		"/usr/local/bin/kubectl-rts": "kubectl rts [command]", `kubectl-rts.exe`: "kubectl rts [command]", "/realtime": "realtime [command]",
	} {
		var out bytes.Buffer
		root := commandOf(program)
		root.SetOut(&out)
		root.SetArgs([]string{"--help"})
		if err := root.Execute(); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v, and its help is\n%s", program, err, &out)
		}
	}
}

// krewPlugin is what krew reads of its manifest.
type krewPlugin struct {
	Metadata struct{ Name string }
	Spec     struct {
		Version, ShortDescription string
		Platforms                 []struct {
			URI, SHA256, Bin string
		}
	}
}

func TestKrewFindsThePlugin(t *testing.T) {
	data, err := os.ReadFile("hack/krew/rts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var p krewPlugin
	if err := yaml.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	if p.Metadata.Name != "rts" || !strings.HasPrefix(p.Spec.Version, "v") || len(p.Spec.Platforms) != 4 {
		t.Errorf("the manifest is %+v", p)
	}
	for _, platform := range p.Spec.Platforms {
		if platform.Bin != "kubectl-rts" || len(platform.SHA256) != 64 || !strings.Contains(platform.URI, "/"+p.Spec.Version+"/") {
			t.Errorf("a platform is %+v", platform)
		}
	}
}
