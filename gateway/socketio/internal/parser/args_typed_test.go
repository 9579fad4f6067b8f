// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
)

// picture has binary values in all places where a type can have them.
type picture struct {
	Name   string
	Pixels []byte            `json:"pixels"`
	Thumbs map[string][]byte `json:"thumbs,omitempty"`
	Pages  [][]byte          `json:"pages,omitempty"`
	Any    any               `json:"any"`
	None   []byte            `json:"none"`
	Next   *picture          `json:"next,omitempty"`
	label
}

type label struct {
	Seal  []byte `json:"seal"`
	Plain named  `json:"plain"`
	Left  []byte `json:"-"`
}

// named is no []byte to encoding/json either, but base64.
type named []byte

func TestBinaryFieldsBecomeAttachments(t *testing.T) {
	one := picture{
		Name: "<a>", Pixels: []byte{1}, Thumbs: map[string][]byte{"b": {3}, "a": {2}}, Pages: [][]byte{{4}, {}},
		Any: map[string]any{"x": []byte{5}}, Next: &picture{Pixels: []byte{6}}, label: label{Seal: []byte{7}, Plain: named{8}, Left: []byte{9}},
	}
	hole := func(n string) string { return `{"_placeholder":true,"num":` + n + `}` }
	for name, tt := range map[string]struct {
		value any
		want  string
	}{
		"a struct": {one, `[{"Name":"<a>","pixels":` + hole("0") + `,"thumbs":{"a":` + hole("1") + `,"b":` + hole("2") + `},"pages":[` +
			hole("3") + `,` + hole("4") + `],"any":{"x":` + hole("5") + `},"none":null,"next":{"Name":"","pixels":` + hole("6") +
			`,"any":null,"none":null,"seal":null,"plain":null},"seal":` + hole("7") + `,"plain":"CA=="}]`},
		"a struct in a map":   {map[string]any{"p": label{Seal: []byte{1}}}, `[{"p":{"seal":` + hole("0") + `,"plain":null}}]`},
		"a pointer in a list": {[]any{1, &label{Seal: []byte{1}}}, `[[1,{"seal":` + hole("0") + `,"plain":null}]]`},
		"a typed map":         {map[int][]byte{2: {1}, 1: nil}, `[{"1":null,"2":` + hole("0") + `}]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, attachments, err := EncodeArgs(tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
			back := reflect.New(reflect.TypeOf(tt.value))
			var list []json.RawMessage
			if err := json.Unmarshal(got, &list); err != nil {
				t.Fatal(err)
			}
			if err := DecodeArg(list[0], attachments, back.Interface()); err != nil {
				t.Errorf("it cannot be read again: %v", err)
			}
		})
	}
}

// loose may hold []byte, as far as its type says.
type loose struct {
	Any     any               `json:"any"`
	Empty   any               `json:"empty,omitempty"`
	Number  float64           `json:"number,string"`
	Big     uint64            `json:"big"`
	When    time.Time         `json:"when"`
	Took    time.Duration     `json:"took"`
	Raw     json.RawMessage   `json:"raw"`
	Nothing []string          `json:"nothing"`
	NoMap   map[string]string `json:"noMap"`
	Fixed   [2]byte           `json:"fixed"`
	Keys    map[int]any       `json:"keys"`
	Upper   string
	hidden  int
}

// Values without []byte come out as encoding/json has them, though another encoder writes them.
func TestTypedValuesAreAsInEncodingJSON(t *testing.T) {
	values := []any{
		loose{}, &loose{Any: "<&>\u2028\x00é\u00e9", Number: 1e21, Big: math.MaxUint64, Took: time.Second, hidden: 1},
		loose{Any: []int{1}, When: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Raw: json.RawMessage(`{"a": [1.0, 1e400]}`)},
		loose{Any: map[string]any{"b": 1.5, "a": nil, "c": 1e-7, "d": 100000000000000000000.0}, Keys: map[int]any{10: 1, 9: "x"}, Upper: "</script>"},
		[]any{loose{Empty: 0}, loose{Empty: ""}, loose{Empty: map[string]any{}}, loose{Fixed: [2]byte{1, 2}}},
		map[string]loose{"z": {}, "a": {Any: json.Number("1.50")}, "b": {Any: json.Number("")}},
		struct{ error }{}, (*loose)(nil), []loose(nil), map[string]loose{},
	}
	for _, v := range values {
		if !mayHoldBytes(reflect.TypeOf(v)) && reflect.TypeOf(v) != reflect.TypeFor[[]any]() {
			t.Errorf("%T is not looked at", v)
		}
		want, err := plainjson.Append([]byte{'['}, v)
		if err != nil {
			t.Fatalf("%T: %v", v, err)
		}
		got, attachments, err := EncodeArgs(v)
		if err != nil || len(attachments) != 0 {
			t.Errorf("%T: %d attachments, %v", v, len(attachments), err)
		}
		if diff := cmp.Diff(string(want)+"]", string(got)); diff != "" {
			t.Errorf("%T: %s", v, diff)
		}
	}
}

func TestValuesThatCannotBeEncoded(t *testing.T) {
	type loop struct {
		Bytes []byte
		Next  *loop
	}
	endless := &loop{}
	endless.Next = endless
	for _, v := range []any{endless, loose{Any: func() {}}, loose{Any: math.NaN()}, loose{Any: json.Number("1,5")}, picture{Any: make(chan int)}} {
		if got, _, err := EncodeArgs(v); err == nil {
			t.Errorf("%T is encoded as %s", v, got)
		}
	}
}

func TestTypesThatHoldNoBytes(t *testing.T) {
	type plain struct {
		A string
		B []int
		C map[string]float64
		D *plain
		E time.Time
		f any
	}
	for _, v := range []any{nil, 1, "x", plain{f: 1}, &plain{}, []plain{}, json.RawMessage("1"), time.Now()} {
		if mayHoldBytes(reflect.TypeOf(v)) {
			t.Errorf("%T is said to hold []byte", v)
		}
	}
}
