// SPDX-License-Identifier: Apache-2.0

package placeholder

import (
	"encoding/json"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

// FuzzScanners compares this package's scanner with package jsonscan's, which replaces it.
func FuzzScanners(f *testing.F) {
	for _, s := range []string{`{"a":1,"b" : [{"\"\\":"x\\" }]}`, `{"num" :
	-1.5e3,"_place\u0068older":	true}`, `["\ud800","12345678\"12345678"]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		for i := 0; i < len(data); i++ {
			if data[i] != '"' {
				continue
			}
			end := stringEnd(data, i)
			if got := jsonscan.StringEnd(data, i); got != end {
				t.Fatalf("the string at %d of %q ends at %d, want %d", i, data, got, end)
			}
			if next := jsonscan.SkipSpace(data, end); next < len(data) && data[next] == ':' {
				value := valueStart(data, end)
				if got := jsonscan.MemberValue(data, end); got != value {
					t.Fatalf("the value behind %d of %q is at %d, want %d", end, data, got, value)
				}
				if c := data[value]; c == '-' || c >= '0' && c <= '9' {
					got := number(data[value:jsonscan.ValueEnd(data, value)])
					if want := number(data[value:]); got != want {
						t.Fatalf("the number at %d of %q is %d, want %d", value, data, got, want)
					}
				}
			}
			i = end - 1
		}
	})
}
