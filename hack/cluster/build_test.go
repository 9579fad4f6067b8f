// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTargetChangesWithSources(t *testing.T) {
	b := &builder{sources: t.TempDir(), cache: t.TempDir()}
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(b.sources, "part", "go.mod"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	target := func() string {
		t.Helper()
		target, err := b.target(t.Context(), "part")
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
	if err := os.Mkdir(filepath.Join(b.sources, "part"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("module one")
	one := target()
	write("module two")
	if two := target(); two == one {
		t.Errorf("the target of other sources is %s too", two)
	}
	write("module one")
	if again := target(); again != one {
		t.Errorf("the target of the same sources is %s, then %s", one, again)
	}
}

func TestKubernetesHasItsVersion(t *testing.T) {
	flags, err := (&builder{sources: "."}).linkerFlags("kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"k8s.io/component-base/version.gitVersion=v1.", "k8s.io/client-go/pkg/version.gitMajor=1 "} {
		if !strings.Contains(flags, want) {
			t.Errorf("the flags do not say %q: %s", want, flags)
		}
	}
}

func TestEveryProgramHasSources(t *testing.T) {
	for _, p := range slices.Concat(programs, extras) {
		if _, err := os.Stat(p.folder); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
}

func TestUnknownProgramIsRefused(t *testing.T) {
	b := &builder{sources: ".", cache: t.TempDir()}
	if _, err := b.build(t.Context(), "kubeproxy"); err == nil || !strings.Contains(err.Error(), "kubeproxy") {
		t.Errorf("building kubeproxy: %v", err)
	}
}
