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

// rawList is a list that is still JSON. It belongs to one event or to a socket's data. Safe for
// concurrent use, since not only the socket's handlers read its data.
type rawList struct {
	raw []byte
	Origin
	list   atomic.Pointer[traits.Lister] // made when first needed
	native native
}

var (
	_ traits.Lister      = (*rawList)(nil)
	_ expression.Relayed = (*rawList)(nil)
)

// decoded returns the list with its elements made by FromJSON.
func (l *rawList) decoded() traits.Lister {
	if list := l.list.Load(); list != nil {
		return *list
	}
	var values []ref.Val
	l.Budget.Charge(memberWork)
	l.Budget.ChargeCopy(len(l.raw))
	for e := range jsonscan.Elements(l.raw) {
		l.Budget.Charge(valueWork)
		values = append(values, FromJSON(e, l.Origin))
	}
	list := types.NewRefValList(types.DefaultTypeAdapter, values)
	l.list.Store(&list)
	return list
}

func (l *rawList) Computed() ref.Val { return l.native.computed(l.raw, l.Origin) }
func (l *rawList) Compared() ref.Val { return l.native.compared(l.raw, l.Origin) }
func (l *rawList) Source() []byte    { return l.raw }

// Contains compares by value.
func (l *rawList) Contains(v ref.Val) ref.Val {
	return l.Compared().(traits.Lister).Contains(expression.Compared(v))
}

// Equal compares by value.
func (l *rawList) Equal(other ref.Val) ref.Val {
	return l.Compared().Equal(expression.Compared(other))
}

func (l *rawList) Add(other ref.Val) ref.Val        { return l.decoded().Add(other) }
func (l *rawList) Get(index ref.Val) ref.Val        { return l.decoded().Get(index) }
func (l *rawList) Iterator() traits.Iterator        { return l.decoded().Iterator() }
func (l *rawList) Size() ref.Val                    { return l.decoded().Size() }
func (l *rawList) ConvertToType(t ref.Type) ref.Val { return l.decoded().ConvertToType(t) }
func (l *rawList) Type() ref.Type                   { return types.ListType }
func (l *rawList) Value() any                       { return l.Computed().Value() }
func (l *rawList) ConvertToNative(t reflect.Type) (any, error) {
	return l.Computed().ConvertToNative(t)
}
