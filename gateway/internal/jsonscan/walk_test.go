// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// walk lists a value and all that is in it, in their order, by this package.
func walk(value []byte) (all []string) {
	all = append(all, string(value))
	switch value[0] {
	case '[':
		for v := range Elements(value) {
			all = append(all, walk(v)...)
		}
	case '{':
		for name, v := range Members(value) {
			all = append(append(all, string(name)), walk(v)...)
		}
	}
	return all
}

// decode is walk by encoding/json, whose names have lost their escapes.
func decode(t *testing.T, value []byte) (all []string) {
	all = append(all, string(value))
	if value[0] != '[' && value[0] != '{' {
		return all
	}
	dec := json.NewDecoder(bytes.NewReader(value))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		if value[0] == '{' {
			name, err := dec.Token()
			if err != nil {
				t.Fatal(err)
			}
			quoted, _ := json.Marshal(name)
			all = append(all, string(quoted))
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		all = append(all, decode(t, raw)...)
	}
	return all
}

// FuzzWalk compares with what encoding/json sees.
func FuzzWalk(f *testing.F) {
	for _, s := range jsonSamples {
		f.Add([]byte(s))
	}
	f.Add([]byte(`[1 , -2.5e+3,"a\"b\\", true,null , false,{"a" : [1,{"b":"]"}] , "\u0061":{}}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		start := SkipSpace(data, 0)
		value := data[start:ValueEnd(data, start)]
		if !bytes.Equal(value, bytes.TrimSpace(data)) {
			t.Fatalf("%q has the value %q", data, value)
		}
		got, want := walk(value), decode(t, value)
		if len(got) == len(want) {
			for i := range got { // names may be escaped in other ways
				if got[i] != want[i] && sameString(got[i], want[i]) {
					got[i] = want[i]
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func sameString(a, b string) bool {
	var x, y string
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && x == y
}

// A value may be nested deeper than Check allows: not all that is read has come from a client.
func TestWalkHasNoBoundOfDepth(t *testing.T) {
	const depth = 100_000
	data := []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
	if end := ValueEnd(data, 0); end != len(data) {
		t.Errorf("it ends at %d of %d", end, len(data))
	}
}

func TestDepth(t *testing.T) {
	for text, want := range map[string]int{
		`1`: 0, `"[["`: 0, `[]`: 1, `{ "a" : [1] }`: 2, `[[],[],{"[":"[\"["}]`: 2, `{"a":{"b":[{}]},"c":1}`: 4,
		strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000): 100_000,
	} {
		if got := Depth([]byte(text)); got != want {
			t.Errorf("%.40s: %d levels, want %d", text, got, want)
		}
	}
}

func BenchmarkElements(b *testing.B) {
	for name, element := range map[string]string{
		"numbers": `12.5`, "short strings": `"red"`, "long strings": `"` + strings.Repeat("hello, ", 20) + `"`, "objects": `{"x":12.5,"tags":["red","blue"]}`,
	} {
		b.Run(name, func(b *testing.B) {
			data := []byte("[" + strings.Repeat(element+",", 20) + element + "]")
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				n := 0
				for range Elements(data) {
					n++
				}
				if n != 21 {
					b.Fatal(n)
				}
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	data := []byte(`["move",{"x":12.5,"y":-3,"who":{"id":"a1","tags":["red","blue"]}},"` + strings.Repeat("hello, all of you out there ", 4) + `"]`)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := Check(data); err != nil {
			b.Fatal(err)
		}
	}
}
