// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
	"bytes"
	"testing"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/traits"
)

// What another gateway has stored with a session comes back, as values that expressions look into.
func FuzzData(f *testing.F) {
	f.Add([]byte(`{"a":{"int":-7},"b":{"json":"x"},"c":{"timestamp":"2026-11-24T01:02:03Z"},"d":{"bytes":"AAH/"}}`))
	f.Add([]byte(`{"l":{"json":[1,{"_placeholder":true,"num":0}],"attachments":["CQ=="]},"n":{},"u":{"uint":7},"t":{"duration":9}}`))
	f.Fuzz(func(t *testing.T, stored []byte) {
		v, err := DecodeData(stored)
		if err != nil {
			return
		}
		d, ok := v.(*Data)
		if !ok {
			t.Fatalf("it is a %T", v)
		}
		for name, value := range d.fields {
			_ = value.Equal(types.NullValue)
			if sized, ok := value.(traits.Sizer); ok {
				_ = sized.Size()
			}
			if found, ok := d.Find(types.String(name)); !ok || found == nil {
				t.Errorf("there is no field %q", name)
			}
		}
		encoded, err := EncodeData(d)
		if err != nil {
			return // such as a placeholder that stands for nothing
		}
		again, err := DecodeData(encoded)
		if err != nil {
			t.Fatalf("%s cannot be read again: %v", encoded, err)
		}
		twice, err := EncodeData(again)
		if err != nil || !bytes.Equal(encoded, twice) {
			t.Errorf("%s becomes %s: %v", encoded, twice, err)
		}
	})
}
