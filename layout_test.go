// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestTheLayoutListsEveryPackage(t *testing.T) {
	listed := layout(t)
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("CONTRIBUTING.md lists %s, which does not exist: it is removed, or its indent is wrong", name)
		}
	}
	packages := goPackages(t)
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		if dir != "." && !listed[dir] {
			t.Errorf("CONTRIBUTING.md does not list package %s: give it a line below %s/", dir, path.Dir(dir))
		}
	}
}

// layout are the paths of the files and folders in the trees of CONTRIBUTING.md.
func layout(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Layout\n")
	section, _, _ = strings.Cut(section, "\n## ")
	listed := map[string]bool{}
	for i, block := range strings.Split(section, "\n```") {
		if i%2 == 0 {
			continue // between two trees
		}
		var parents []string // of the line
		for line := range strings.Lines(strings.TrimPrefix(block, "\n")) {
			entry := strings.TrimLeft(line, " ")
			depth := (len(line) - len(entry)) / 2
			fields := strings.Fields(entry)
			if len(fields) == 0 || depth > len(parents) {
				t.Fatalf("CONTRIBUTING.md has a line in its layout that is below nothing: %q", line)
			}
			parents = append(parents[:depth], fields[0])
			listed[path.Join(parents...)] = true
		}
	}
	return listed
}
