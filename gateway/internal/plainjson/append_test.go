// SPDX-License-Identifier: Apache-2.0

package plainjson

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestAppend(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"no HTML escaping", map[string]string{"<a>": "&"}, `x{"<a>":"&"}`},
		{"no newline", []int{1, 2}, `x[1,2]`},
		{"raw values are compacted, not escaped", json.RawMessage(`{"b": "<",  "a":1.0}`), `x{"b":"<","a":1.0}`},
	} {
		got, err := Append([]byte("x"), tt.v)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v", tt.name, got, err)
		}
	}
	if got, err := Append([]byte("x"), func() {}); err == nil || string(got) != "x" {
		t.Errorf("what has no JSON is %s, %v", got, err)
	}
}

// FuzzAppendString compares what is written with what encoding/json writes.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "message", `"\`, "<&>", "\x00\x1f\x7f", "ü 茶", "\u2028", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		if got := string(AppendString(nil, s)) + "\n"; got != want.String() {
			t.Errorf("%q is written %s, want %s", s, got, &want)
		}
	})
}

func BenchmarkAppendString(b *testing.B) {
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendString(buf[:0], "chatMessage")
	}
}
