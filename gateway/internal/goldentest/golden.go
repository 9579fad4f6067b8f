// SPDX-License-Identifier: Apache-2.0

// Package goldentest reads golden files of wire formats: bytes that a release has written, which
// every later one must read.
package goldentest

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// Read returns the samples of a file by name. A line has a name, a colon and the bytes as a quoted
// Go string; empty lines and those that begin with # are comments.
func Read(t *testing.T, path string) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string][]byte{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		name, quoted, _ := strings.Cut(line, ": ")
		data, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: read %q: %v", path, name, err)
		}
		if samples[name] != nil {
			t.Fatalf("%s: %q is there twice", path, name)
		}
		samples[name] = []byte(data)
	}
	return samples
}

// Sample returns the sample of a name.
func Sample(t *testing.T, samples map[string][]byte, name string) []byte {
	t.Helper()
	data, ok := samples[name]
	if !ok {
		t.Fatalf("there is no golden sample %q", name)
	}
	return data
}
