// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
	"reflect"
	"sync/atomic"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

// rawMap is an object that is still JSON; see rawList. A loop visits its names in their order.
type rawMap struct {
	raw []byte
	Origin
	members atomic.Pointer[rawMembers] // made when first needed
	native  native
}

// rawMembers are the members of an object, made by FromJSON.
type rawMembers struct {
	names  []ref.Val
	values map[string]ref.Val
}

var (
	_ traits.Mapper      = (*rawMap)(nil)
	_ expression.Relayed = (*rawMap)(nil)
)

func (m *rawMap) decoded() *rawMembers {
	if d := m.members.Load(); d != nil {
		return d
	}
	m.Budget.ChargeCopy(len(m.raw))
	d := &rawMembers{values: map[string]ref.Val{}}
	for name, value := range jsonscan.Members(m.raw) {
		m.Budget.Charge(memberWork)
		m.Budget.ChargeBytes(len(name))
		key := Unquote(name)
		if _, again := d.values[key]; !again {
			d.names = append(d.names, stringFromJSON(name))
		}
		d.values[key] = FromJSON(value, m.Origin) // the last of equal names counts
	}
	m.members.Store(d)
	return d
}

func (m *rawMap) Computed() ref.Val { return m.native.computed(m.raw, m.Origin) }
func (m *rawMap) Compared() ref.Val { return m.native.compared(m.raw, m.Origin) }
func (m *rawMap) Source() []byte    { return m.raw }

// Find returns a member.
func (m *rawMap) Find(key ref.Val) (ref.Val, bool) {
	name, ok := expression.Computed(key).(types.String)
	if !ok {
		return nil, false
	}
	v, found := m.decoded().values[string(name)]
	return v, found
}

// Contains reports whether there is a member.
func (m *rawMap) Contains(key ref.Val) ref.Val {
	_, found := m.Find(key)
	return types.Bool(found)
}

// Get returns a member, or an error.
func (m *rawMap) Get(key ref.Val) ref.Val {
	if v, found := m.Find(key); found {
		return v
	}
	return types.ValOrErr(key, "no such key: %v", key)
}

// Equal compares by value.
func (m *rawMap) Equal(other ref.Val) ref.Val {
	return m.Compared().Equal(expression.Compared(other))
}

// Iterator visits the names.
func (m *rawMap) Iterator() traits.Iterator {
	return types.NewRefValList(types.DefaultTypeAdapter, m.decoded().names).Iterator()
}

func (m *rawMap) Size() ref.Val                    { return types.Int(len(m.decoded().names)) }
func (m *rawMap) ConvertToType(t ref.Type) ref.Val { return m.Computed().ConvertToType(t) }
func (m *rawMap) Type() ref.Type                   { return types.MapType }
func (m *rawMap) Value() any                       { return m.Computed().Value() }
func (m *rawMap) ConvertToNative(t reflect.Type) (any, error) {
	return m.Computed().ConvertToNative(t)
}
