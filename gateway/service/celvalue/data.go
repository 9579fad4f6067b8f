// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
	"maps"
	"reflect"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Data is what `set` has written to a socket. It does not change; nil is empty.
type Data struct {
	fields map[string]ref.Val
}

// DataOf is what `set` has written to a socket; nil if it has not.
func DataOf(s *socketio.Socket) *Data {
	d, _ := s.Data().(*Data)
	return d
}

// With is the data with fields set, names[i] to values[i], which are as Keep makes them.
func (d *Data) With(names []string, values []ref.Val) *Data {
	next := &Data{fields: make(map[string]ref.Val, len(names))}
	if d != nil {
		maps.Copy(next.fields, d.fields)
	}
	for i, name := range names {
		next.fields[name] = values[i]
	}
	return next
}

// Expressions see the data as a map. Most select a field, which is one look-up; everything else
// makes a map of CEL's.
var _ traits.Mapper = (*Data)(nil)

// Field gives a field.
func (d *Data) Field(name string) (ref.Val, bool) {
	if d == nil {
		return nil, false
	}
	v, ok := d.fields[name]
	return v, ok
}

// Find gives a field.
func (d *Data) Find(name ref.Val) (ref.Val, bool) {
	text, ok := name.(types.String)
	if !ok {
		return nil, false
	}
	return d.Field(string(text))
}

// Contains tells whether there is a field.
func (d *Data) Contains(name ref.Val) ref.Val {
	_, found := d.Find(name)
	return types.Bool(found)
}

// Get gives a field, or an error.
func (d *Data) Get(name ref.Val) ref.Val {
	if v, found := d.Find(name); found {
		return v
	}
	return d.mapper().Get(name) // which words the error
}

func (d *Data) mapper() traits.Mapper {
	if d == nil {
		return Map(nil)
	}
	return Map(d.fields)
}

// Iterator visits the names.
func (d *Data) Iterator() traits.Iterator { return d.mapper().Iterator() }

// Size is how many fields there are.
func (d *Data) Size() ref.Val { return d.mapper().Size() }

// Equal compares by value.
func (d *Data) Equal(other ref.Val) ref.Val { return d.mapper().Equal(other) }

// ConvertToType is that of a map.
func (d *Data) ConvertToType(t ref.Type) ref.Val { return d.mapper().ConvertToType(t) }

// ConvertToNative is that of a map.
func (d *Data) ConvertToNative(t reflect.Type) (any, error) { return d.mapper().ConvertToNative(t) }

// Type is that of maps.
func (d *Data) Type() ref.Type { return types.MapType }

// Value is a map of CEL's.
func (d *Data) Value() any { return d.mapper().Value() }
