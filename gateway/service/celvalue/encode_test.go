// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

// FuzzJSON walks whatever a client may send the way expressions do, and wants it to come out
// meaning the same.
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
			return // refused before expressions see it: FuzzDecoder, FuzzPublishRequest
		}
		list := FromJSON(raw, Origin{})
		rebuilt, err := Encode(rebuild(list.(traits.Lister)), nil)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if want, got := canonical(t, raw), canonical(t, rebuilt.JSON); want != got {
			t.Errorf("%s became %s", want, got)
		}
		for element := range jsonscan.Elements(raw) {
			relayed, err := Encode(FromJSON(element, Origin{}), nil)
			if err != nil || !bytes.Equal(relayed.JSON, element) {
				t.Errorf("%s is relayed as %s, %v", element, relayed.JSON, err)
			}
		}
		attachment := []byte{1}
		withBinary, err := Encode(FromJSON(raw, Origin{Attachments: [][]byte{attachment}}), nil)
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
