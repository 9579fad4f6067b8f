// SPDX-License-Identifier: Apache-2.0

package service

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// FuzzJSON walks whatever a client may send the way expressions do, and wants it to come out meaning the same.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[1]`, ` [ "a" , {"b" : [1e5,-0.0,true,false,null]} ]`, `[{"a":1,"a":2}]`, `["\ud800\"\\",""]`, `[[[[]]],{"":{}}]`,
		`[{"_placeholder":true,"num":0},{"_placeholder":true,"num":9}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = bytes.TrimSpace(raw)
		if !utf8.Valid(raw) || !json.Valid(raw) || raw[0] != '[' {
			return // refused before expressions see it: FuzzDecoder, FuzzPublication
		}
		list := fromJSON(raw, nil)
		rebuilt, err := encode(rebuild(list.(traits.Lister)))
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if want, got := canonical(t, raw), canonical(t, rebuilt.JSON); want != got {
			t.Errorf("%s became %s", want, got)
		}
		attachment := []byte{1}
		withBinary, err := encode(fromJSON(raw, [][]byte{attachment}))
		if err == nil && !json.Valid(withBinary.JSON) {
			t.Errorf("%s became %s", raw, withBinary.JSON)
		}
	})
}

// rebuild copies a list by looking at every value in it.
func rebuild(l traits.Lister) traits.Lister {
	out := []any{}
	for it := l.Iterator(); it.HasNext() == types.True; {
		out = append(out, rebuildValue(it.Next()))
	}
	return types.NewDynamicList(types.DefaultTypeAdapter, out)
}

func rebuildValue(v any) any {
	switch v := v.(type) {
	case *rawList:
		return rebuild(v)
	case *rawMap:
		out := map[string]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			out[string(key.(types.String))] = rebuildValue(v.Get(key))
		}
		return types.NewDynamicMap(types.DefaultTypeAdapter, out)
	default:
		return v
	}
}

// canonical is JSON with sorted names, plain numbers and the last of equal names.
func canonical(t *testing.T, raw []byte) string {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "beyond a double" // 1e999: JavaScript has it as Infinity, and sends null
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(out, []byte("-0"), []byte("0")))
}

// BenchmarkChatMessage evaluates and encodes the arguments of the sample's newMessage.
func BenchmarkChatMessage(b *testing.B) {
	benchmarkList(b, "[{'username': args[0], 'message': args[1], 'timestamp': now}]")
}

// BenchmarkRelay passes arguments on as they are.
func BenchmarkRelay(b *testing.B) { benchmarkList(b, "args") }

func benchmarkList(b *testing.B, source string) {
	list, err := compileTemplate(source)
	if err != nil {
		b.Fatal(err)
	}
	raw := []byte(`["Ada","hello, all of you out there"]`)
	b.ReportAllocs()
	for b.Loop() {
		r := &run{variables: variables{args: socketio.Args{JSON: raw}, now: time.Now()}}
		if _, err := r.list(list); err != nil {
			b.Fatal(err)
		}
	}
}
