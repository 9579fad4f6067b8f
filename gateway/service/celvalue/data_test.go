// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
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
		"list":      FromJSON([]byte(`[1,{"b":2,"a":{"_placeholder":true,"num":0}}]`), Origin{Attachments: [][]byte{{9}}}),
	}
	stored, err := EncodeData(&Data{fields: values})
	if err != nil {
		t.Fatal(err)
	}
	read, err := DecodeData(stored)
	if err != nil {
		t.Fatal(err)
	}
	d, ok := read.(*Data)
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
