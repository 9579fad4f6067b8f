// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
)

type file struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Body []byte `json:"body"`
}

func TestBinaryWithinArguments(t *testing.T) {
	value := map[string]any{"empty": []any{}, "name": "<a>", "none": map[string]any(nil), "parts": []any{[]byte{1}, "x", map[string]any{"b": []byte{2, 3}}}}
	args, err := event.NewArgs(value, []byte{4}, []any{1.0, nil})
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"empty":[],"name":"<a>","none":null,"parts":[{"_placeholder":true,"num":0},"x",{"b":{"_placeholder":true,"num":1}}]},{"_placeholder":true,"num":2},[1,null]]`
	if string(args.JSON) != want {
		t.Errorf("encoded as %s, want %s", args.JSON, want)
	}
	if diff := cmp.Diff([][]byte{{1}, {2, 3}, {4}}, args.Attachments); diff != "" {
		t.Error(diff)
	}

	var all any
	var m map[string]any
	var b []byte
	var l []any
	if err := args.Scan(&all, &b, &l); err != nil {
		t.Fatal(err)
	}
	if err := args.Decode(0, &m); err != nil {
		t.Fatal(err)
	}
	value["none"] = nil // as JSON has it
	for _, diff := range []string{
		cmp.Diff(any(value), all), cmp.Diff(value, m), cmp.Diff([]byte{4}, b), cmp.Diff([]any{1.0, nil}, l),
	} {
		if diff != "" {
			t.Error(diff)
		}
	}
	if err := args.Decode(2, &m); err == nil {
		t.Error("a list is a map")
	}
	none := event.Args{JSON: []byte(`[null]`), Attachments: args.Attachments}
	if err := none.Scan(&m); err != nil || m != nil {
		t.Errorf("null is read as %v, %v", m, err)
	}
}

func TestBinaryFieldOfAStruct(t *testing.T) {
	args := event.Args{
		JSON:        []byte(`[{"name":"n","size":9007199254740993,"body":{"_placeholder":true,"num":0}},{"body":{"_placeholder":true,"num":1}}]`),
		Attachments: [][]byte{{0xff, 0}},
	}
	got, err := event.Decode[file](args, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(file{"n", 9007199254740993, []byte{0xff, 0}}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := event.Decode[any](args, 1); err == nil || !strings.Contains(err.Error(), "names attachment 1 of 1") {
		t.Errorf("the error is %v", err)
	}
}

func TestAMapWithinItselfIsRefused(t *testing.T) {
	loop := map[string]any{}
	loop["loop"] = loop
	if _, err := event.NewArgs(loop); err == nil {
		t.Error("it is encoded")
	}
	loop["binary"] = []byte{1}
	if _, err := event.NewArgs(loop); err == nil {
		t.Error("it is encoded")
	}
}

// What a handler in Go reads as json.RawMessage and emits again is as it was sent.
func TestRawArgumentsKeepTheirBytes(t *testing.T) {
	const value = `{"z": 9007199254740993,"a":"\u003c<","a":1.0}`
	args := event.Args{
		JSON:        []byte(`[` + value + `,{"v":` + value + `,"body":{"_placeholder":true,"num":0}}]`),
		Attachments: [][]byte{{1, 2}},
	}
	alone, err := event.Decode[json.RawMessage](args, 0)
	if err != nil || string(alone) != value {
		t.Errorf("read is %s, %v", alone, err)
	}
	field, err := event.Decode[struct {
		V    json.RawMessage
		Body []byte
	}](args, 1)
	if err != nil || string(field.V) != value || !bytes.Equal(field.Body, []byte{1, 2}) {
		t.Errorf("read are %s and %v, %v", field.V, field.Body, err)
	}
	again, err := event.NewArgs(alone, field.V)
	if want := strings.ReplaceAll(value, " ", ""); err != nil || string(again.JSON) != "["+want+","+want+"]" {
		t.Errorf("emitted are %s, %v", again.JSON, err)
	}
}

// Scan looks at the list of arguments once, not once for each pointer.
func TestScanSplitsOnce(t *testing.T) {
	args := event.Args{JSON: []byte("[" + strings.Repeat("1,", 10_000) + "1]")}
	var n [20]int
	pointers := make([]any, len(n))
	for i := range n {
		pointers[i] = &n[i]
	}
	allocations := func(pointers ...any) float64 {
		return testing.AllocsPerRun(3, func() {
			if err := args.Scan(pointers...); err != nil {
				t.Fatal(err)
			}
		})
	}
	if one, all := allocations(pointers[0]), allocations(pointers...); all > 2*one {
		t.Errorf("%v allocations for an argument, %v for %d", one, all, len(n))
	}
}
