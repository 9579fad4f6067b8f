// SPDX-License-Identifier: Apache-2.0

package service

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
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
		list := fromJSON(raw, origin{})
		rebuilt, err := encode(rebuild(list.(traits.Lister)), nil)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if want, got := canonical(t, raw), canonical(t, rebuilt.JSON); want != got {
			t.Errorf("%s became %s", want, got)
		}
		for element := range jsonscan.Elements(raw) {
			relayed, err := encode(fromJSON(element, origin{}), nil)
			if err != nil || !bytes.Equal(relayed.JSON, element) {
				t.Errorf("%s is relayed as %s, %v", element, relayed.JSON, err)
			}
		}
		attachment := []byte{1}
		withBinary, err := encode(fromJSON(raw, origin{attachments: [][]byte{attachment}}), nil)
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

// nested is an event of about size bytes, depth levels deep, with an attachment within.
func nested(depth, size int) socketio.Args {
	open, end := strings.Repeat(`{"a":[`, depth/2), strings.Repeat(`]}`, depth/2)
	text := strings.Repeat("x", max(size-len(open)-len(end), 0))
	return socketio.Args{
		JSON:        []byte(`[` + open + `{"_placeholder":true,"num":0},"` + text + `"` + end + `]`),
		Attachments: [][]byte{{1}},
	}
}

// An event with an attachment is relayed in one pass. A pass for each level would show in what it
// allocates.
func TestRelayingLooksAtNoByteTwice(t *testing.T) {
	for _, source := range []string{"args", "[args[0]]", "[{'v': args[0]}]", "[args[0]].map(x, x)"} {
		list, err := compileTemplate(source)
		if err != nil {
			t.Fatal(err)
		}
		allocations := func(depth int) float64 {
			event := nested(depth, 1<<16)
			return testing.AllocsPerRun(10, func() {
				if _, err := (&run{variables: variables{args: event}}).list(list); err != nil {
					t.Fatal(err)
				}
			})
		}
		const more = 30 // for the stacks of open brackets, which double when they are full
		if flat, deep := allocations(4), allocations(500); deep > flat+more {
			t.Errorf("%s allocates %v times for a flat event, %v for a deep one", source, flat, deep)
		}
	}
}

// BenchmarkRelayWithAttachment takes as long for a byte at any depth.
func BenchmarkRelayWithAttachment(b *testing.B) {
	list, err := compileTemplate("[args[0]]")
	if err != nil {
		b.Fatal(err)
	}
	for _, depth := range []int{4, 32, 256, 500} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			event := nested(depth, 1<<20)
			b.SetBytes(int64(len(event.JSON)))
			for b.Loop() {
				if _, err := (&run{variables: variables{args: event}}).list(list); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
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
