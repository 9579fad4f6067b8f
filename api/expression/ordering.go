// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// element is an element of a list while the list's elements are compared with each other. It
// compares by value, and is replaced by original after that.
type element struct {
	ref.Val
	original ref.Val
}

var _ traits.Comparer = element{}

// Compare compares two elements of a list.
func (e element) Compare(other ref.Val) ref.Val {
	if o, ok := other.(element); ok {
		other = o.Val
	}
	return e.Val.(traits.Comparer).Compare(other) // see ordered
}

// Equal reports whether two elements of a list are equal.
func (e element) Equal(other ref.Val) ref.Val {
	if o, ok := other.(element); ok {
		other = o.Val
	}
	return e.Val.Equal(other)
}

// Type returns the type of the original: a relayed number is a double, however it is compared.
func (e element) Type() ref.Type { return e.original.Type() }

// ordered converts a list whose elements a function compares with each other, and of which it
// returns some.
func ordered(v ref.Val) ref.Val { return elements(v, func(ref.Val) bool { return true }) }

// sortable is ordered for a function that requires elements to have an order.
func sortable(v ref.Val) ref.Val {
	return elements(v, func(v ref.Val) bool {
		_, ok := v.(traits.Comparer)
		return ok
	})
}

func elements(v ref.Val, takes func(ref.Val) bool) ref.Val {
	list, ok := v.(traits.Lister)
	if !ok {
		return Computed(v)
	}
	var values []ref.Val
	changed := false
	for it := list.Iterator(); it.HasNext() == types.True; {
		original := it.Next()
		compared := Compared(original)
		changed = changed || replaced(original, compared)
		if takes(compared) {
			values = append(values, element{compared, original})
		} else {
			values = append(values, original)
		}
	}
	if !changed {
		return list
	}
	return types.NewRefValList(types.DefaultTypeAdapter, values)
}

// restored undoes ordered.
func restored(v ref.Val) ref.Val {
	list, ok := v.(traits.Lister)
	if !ok || list.Size() == types.IntZero {
		return v
	}
	if _, ok := list.Get(types.IntZero).(element); !ok {
		return v
	}
	var values []ref.Val
	for it := list.Iterator(); it.HasNext() == types.True; {
		value := it.Next()
		if e, ok := value.(element); ok {
			value = e.original
		}
		values = append(values, value)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, values)
}
