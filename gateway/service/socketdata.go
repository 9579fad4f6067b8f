// SPDX-License-Identifier: Apache-2.0

package service

import (
	"maps"
	"reflect"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// data is what `set` has written to a socket. It does not change; nil is empty.
type data struct {
	fields map[string]ref.Val
}

func dataOf(s *socketio.Socket) *data {
	d, _ := s.Data().(*data)
	return d
}

func (d *data) with(names []string, values []ref.Val) *data {
	next := &data{fields: make(map[string]ref.Val, len(names))}
	if d != nil {
		maps.Copy(next.fields, d.fields)
	}
	for i, name := range names {
		next.fields[name] = values[i]
	}
	return next
}

// To an expression they are a map. Most ask for a field by its name, which takes no more than a look; for all else a map of CEL's is made.
var _ traits.Mapper = (*data)(nil)

// Find gives a field.
func (d *data) Find(name ref.Val) (ref.Val, bool) {
	text, ok := name.(types.String)
	if !ok || d == nil {
		return nil, false
	}
	v, ok := d.fields[string(text)]
	return v, ok
}

// Contains tells whether there is a field.
func (d *data) Contains(name ref.Val) ref.Val {
	_, found := d.Find(name)
	return types.Bool(found)
}

// Get gives a field, or an error.
func (d *data) Get(name ref.Val) ref.Val {
	if v, found := d.Find(name); found {
		return v
	}
	return d.mapper().Get(name) // which words the error
}

func (d *data) mapper() traits.Mapper {
	values := map[ref.Val]ref.Val{}
	if d != nil {
		for name, v := range d.fields {
			values[types.String(name)] = v
		}
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, values)
}

func (d *data) Iterator() traits.Iterator                   { return d.mapper().Iterator() }
func (d *data) Size() ref.Val                               { return d.mapper().Size() }
func (d *data) Equal(other ref.Val) ref.Val                 { return d.mapper().Equal(other) }
func (d *data) ConvertToType(t ref.Type) ref.Val            { return d.mapper().ConvertToType(t) }
func (d *data) ConvertToNative(t reflect.Type) (any, error) { return d.mapper().ConvertToNative(t) }
func (d *data) Type() ref.Type                              { return types.MapType }
func (d *data) Value() any                                  { return d.mapper().Value() }
