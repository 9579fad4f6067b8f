// SPDX-License-Identifier: Apache-2.0

package service

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

// FuzzScanners compares this package's scanner with package jsonscan's, which replaces it.
func FuzzScanners(f *testing.F) {
	for _, s := range []string{
		`[]`, `[ ]`, `[1 , -2.5e+3,"a\"b\\", true,null , false]`, `{"a" : [1,{"b":"]"}] , "\u0061":{}}`, `[[[[]]],{"x":[{}]}]`,
		`["\ud800","` + "\u2028é" + `","12345678\"12345678",0]`, ` {"a":1,"a":2} `, `"x"`, `-0`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		compare(t, data)
	})
}

func compare(t *testing.T, data []byte) {
	start := skipSpace(data, 0)
	if got := jsonscan.SkipSpace(data, 0); got != start {
		t.Fatalf("%q begins at %d, want %d", data, got, start)
	}
	if got, want := jsonscan.ValueEnd(data, start), valueEnd(data, start); got != want {
		t.Fatalf("%q ends at %d, want %d", data, got, want)
	}
	switch value := data[start:valueEnd(data, start)]; value[0] {
	case '[':
		want := slices.Collect(elements(value))
		if diff := cmp.Diff(want, slices.Collect(jsonscan.Elements(value))); diff != "" {
			t.Fatal(diff)
		}
		for _, v := range want {
			compare(t, v)
		}
	case '{':
		var got, want [][]byte
		for name, value := range jsonscan.Members(value) {
			got = append(got, name, value)
		}
		for name, value := range members(value) {
			want = append(want, name, value)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for _, v := range want {
			compare(t, v)
		}
	case '"':
		if got, want := jsonscan.StringEnd(value, 0), stringEnd(value, 0); got != want {
			t.Fatalf("%q ends at %d, want %d", value, got, want)
		}
	}
}
