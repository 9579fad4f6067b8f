// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

func TestDataKeepTheirTypesWhenTheyAreStored(t *testing.T) {
	values := map[string]ref.Val{
		"int":       types.Int(-7),
		"uint":      types.Uint(7),
		"double":    types.Double(1.5),
		"string":    types.String("a\u2028<b>"),
		"bool":      types.True,
		"null":      types.NullValue,
		"bytes":     types.Bytes{0, 1, 255},
		"timestamp": types.Timestamp{Time: time.Date(2026, 11, 24, 1, 2, 3, 4, time.UTC)},
		"duration":  types.Duration{Duration: 90 * time.Second},
		"list":      fromJSON([]byte(`[1,{"b":2,"a":{"_placeholder":true,"num":0}}]`), origin{attachments: [][]byte{{9}}}),
	}
	stored, err := EncodeData(&data{fields: values})
	if err != nil {
		t.Fatal(err)
	}
	read, err := DecodeData(stored)
	if err != nil {
		t.Fatal(err)
	}
	d, ok := read.(*data)
	if !ok || len(d.fields) != len(values) {
		t.Fatalf("read %v", read)
	}
	for name, want := range values {
		got := d.fields[name]
		if got.Type() != want.Type() || got.Equal(want) != types.True {
			t.Errorf("%s: %v (%s) became %v (%s)", name, want, want.Type().TypeName(), got, got.Type().TypeName())
		}
	}
}

func TestWhatIsNoStoredDataIsRefused(t *testing.T) {
	if _, err := DecodeData([]byte(`[]`)); err == nil {
		t.Error("a list is taken for data")
	}
	if _, err := EncodeData(7); err == nil {
		t.Error("a number is taken for data")
	}
}

// Where clients do not come back, too: the bound is one of memory.
func TestDataOfASocketAreBounded(t *testing.T) {
	_, url := runtime(t, `
  - name: /
    handlers:
    - {event: set, do: [{set: {text: "args[0]"}}, {ack: "[size(socket.data.text)]"}]}
    - {event: more, do: [{set: {more: "args[0]"}}, {ack: "['set']"}]}
    - {event: show, do: [{ack: "[size(socket.data.text), has(socket.data.more)]"}]}
`)
	c := connect(t, url)
	const failed = `[{"error":"the service could not handle the event"}]`
	fits := 64<<10 - len(`{"text":{"json":""}}`)
	text := strings.Repeat("x", fits)
	c.Send(`420["set","` + text + `x"]`)
	c.Expect("430" + failed)
	c.Send(`421["set","` + text + `"]`)
	c.Expect(fmt.Sprintf("431[%d]", fits))
	c.Send(`422["more",1]`)
	c.Expect("432" + failed)
	c.Send(`423["show"]`)
	c.Expect(fmt.Sprintf("433[%d,false]", fits))
}
