// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
	"reflect"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// Object is a value with declared fields, each made when an expression selects it.
type Object struct {
	Declared *types.Type
	// Field returns nil for a name that is not declared.
	Field func(name string) ref.Val
}

var (
	_ traits.Indexer     = Object{}
	_ traits.FieldTester = Object{}
)

// Get returns a field.
func (o Object) Get(name ref.Val) ref.Val {
	text, ok := name.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(name)
	}
	if v := o.Field(string(text)); v != nil {
		return v
	}
	return types.NewErr("no such field '%s'", text)
}

// IsSet returns true for all declared fields.
func (o Object) IsSet(name ref.Val) ref.Val {
	text, ok := name.(types.String)
	return types.Bool(ok && o.Field(string(text)) != nil)
}

// ConvertToNative fails: an object is not sent or stored as a whole.
func (o Object) ConvertToNative(t reflect.Type) (any, error) {
	return nil, errNotSent(o, t)
}

// ConvertToType returns the object's type, and nothing else.
func (o Object) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return o.Declared
	}
	return types.NewErr("%s cannot become %s", o.Declared.TypeName(), t.TypeName())
}

// Equal compares with another object of the same event: there is one of each type.
func (o Object) Equal(other ref.Val) ref.Val {
	p, ok := other.(Object)
	return types.Bool(ok && p.Declared == o.Declared)
}

// Type returns the declared type.
func (o Object) Type() ref.Type { return o.Declared }

// Value returns the object itself.
func (o Object) Value() any { return o }
