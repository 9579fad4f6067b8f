// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"bytes"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

// FuzzFirstElement compares this package's scanner with package jsonscan's, which replaces it.
func FuzzFirstElement(f *testing.F) {
	for _, s := range []string{`[]`, `[ ]`, `["a\"b\\" , 1]`, `[ -1.5e3]`, `[null,1]`, `[[1],2]`, `[{"a":1}]`, `["12345678\"12345678"]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if jsonscan.Check(data) != nil {
			return
		}
		if data = trimSpace(data); data[0] != '[' {
			return
		}
		name, end := firstElement(data)
		got, gotEnd := scannedFirstElement(data)
		if !bytes.Equal(got, name) || gotEnd != end {
			t.Fatalf("%q begins with %q up to %d, want %q up to %d", data, got, gotEnd, name, end)
		}
	})
}

func scannedFirstElement(list []byte) ([]byte, int) {
	start := jsonscan.First(list, 0)
	end := start
	switch list[start] {
	case ']':
	case '[', '{':
		return list[start : start+1], start + 1
	default:
		end = jsonscan.ValueEnd(list, start)
	}
	return list[start:end], jsonscan.SkipSpace(list, end)
}
