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

// Data is the data that `set` has written to a socket. It does not change; nil is empty.
type Data struct {
	fields map[string]ref.Val
}

// DataOf returns the data that `set` has written to a socket; nil if there are none.
func DataOf(s *socketio.Socket) *Data {
	d, _ := s.Data().(*Data)
	return d
}

// With returns the data with additional fields, names[i] with values[i], which Keep has returned.
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

// Expressions see the data as a map. Most select a field, which is one look-up; all other
// operations create a map of CEL.
var _ traits.Mapper = (*Data)(nil)

// Field returns a field.
func (d *Data) Field(name string) (ref.Val, bool) {
	if d == nil {
		return nil, false
	}
	v, ok := d.fields[name]
	return v, ok
}

// Find returns a field.
func (d *Data) Find(name ref.Val) (ref.Val, bool) {
	text, ok := name.(types.String)
	if !ok {
		return nil, false
	}
	return d.Field(string(text))
}

// Contains reports whether there is a field.
func (d *Data) Contains(name ref.Val) ref.Val {
	_, found := d.Find(name)
	return types.Bool(found)
}

// Get returns a field, or an error.
func (d *Data) Get(name ref.Val) ref.Val {
	if v, found := d.Find(name); found {
		return v
	}
	return d.mapper().Get(name) // for its error
}

func (d *Data) mapper() traits.Mapper {
	if d == nil {
		return Map(nil)
	}
	return Map(d.fields)
}

// Iterator visits the names.
func (d *Data) Iterator() traits.Iterator { return d.mapper().Iterator() }

// Size returns the number of fields.
func (d *Data) Size() ref.Val { return d.mapper().Size() }

// Equal compares by value.
func (d *Data) Equal(other ref.Val) ref.Val { return d.mapper().Equal(other) }

// ConvertToType converts like a map.
func (d *Data) ConvertToType(t ref.Type) ref.Val { return d.mapper().ConvertToType(t) }

// ConvertToNative converts like a map.
func (d *Data) ConvertToNative(t reflect.Type) (any, error) { return d.mapper().ConvertToNative(t) }

// Type returns the type of maps.
func (d *Data) Type() ref.Type { return types.MapType }

// Value returns a map of CEL.
func (d *Data) Value() any { return d.mapper().Value() }
