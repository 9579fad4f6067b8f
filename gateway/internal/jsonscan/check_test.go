// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// jsonSamples are valid and invalid, near the edges of each rule.
var jsonSamples = []string{
	``, ` `, `[`, `]`, `{`, `}`, `[]`, `{}`, `[[]]`, `[{}]`, `{"a":[]}`, ` [ 1 , 2 ] `, `[1,]`, `[,1]`, `[1 2]`, `{"a"}`, `{"a":}`, `{"a":1,}`,
	`{"a":1 "b":2}`, `{a:1}`, `{1:1}`, `{"a":1}}`, `[1]]`, `[1}`, `{"a":1]`, `1`, `-1`, `-`, `01`, `-01`, `0`, `-0`, `1.`, `.1`, `1.5`, `1e`, `1e5`, `1E+5`, `1e-`, `1.e1`,
	`0.0e0`, `+1`, `1x`, `true`, `tru`, `truex`, `false`, `null`, `nul`, `"a"`, `"`, `"a`, `"\"`, `"\""`, `"\\"`, `"\x"`, `"\u12"`, `"\u123g"`, `"\u12ab"`,
	`"\u00`, "\"\n\"", "\"\x1f\"", "\"\x7f\"", "\"\x00aaaaaaa\"", `"eight by`, `"eight byt"`, `"seven b"`, `"é and more than eight bytes"`, "\"\xff\"", "\v1", "\u00a01",
	`"12345678\"12345678"`, `"1234567\\"`, `["m",{"a":{"b":[1,2,{"c":null}]}},"x"]`, "[1]\x00", `[1] x`, `{"a":1}{"b":2}`,
}

func TestCheckIsAsStrictAsThePackageJSON(t *testing.T) {
	for _, s := range jsonSamples {
		if err := Check([]byte(s)); (err == nil) != json.Valid([]byte(s)) {
			t.Errorf("%q: error %v, valid %t", s, err, json.Valid([]byte(s)))
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	for _, test := range []struct {
		open, inner, end string
		depth            int
		want             error
	}{
		{"[", "", "]", MaxDepth, nil},
		{"[", "", "]", MaxDepth + 1, ErrTooDeep},
		{`{"a":`, "1", "}", MaxDepth, nil},
		{`{"a":`, "1", "}", MaxDepth + 1, ErrTooDeep},
		{"[", "", "", MaxDepth, ErrInvalid},
		{"[", strings.Repeat("[],{},", 1000) + "1", "]", 1, nil},
	} {
		data := strings.Repeat(test.open, test.depth) + test.inner + strings.Repeat(test.end, test.depth)
		if err := Check([]byte(data)); !errors.Is(err, test.want) {
			t.Errorf("%d times %s: %v, want %v", test.depth, test.open, err, test.want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range jsonSamples {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := Check(data)
		if errors.Is(err, ErrTooDeep) {
			return
		}
		if (err == nil) != json.Valid(data) {
			t.Errorf("%q: error %v, valid %t", data, err, json.Valid(data))
		}
	})
}
