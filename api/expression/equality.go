// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// equal is CEL's equality, charged by element. It stops at the first difference.
func equal(b *Budget, x, y ref.Val) ref.Val {
	switch l := x.(type) {
	case types.String:
		b.ChargeCopy(len(l))
	case types.Bytes:
		b.ChargeCopy(len(l))
	case Relayed: // it compares by itself, if a function of ours receives one
		return equal(b, l.Compared(), Compared(y))
	case traits.Lister:
		if r, ok := y.(traits.Lister); ok {
			return equalLists(b, l, r)
		}
	case traits.Mapper:
		if r, ok := y.(traits.Mapper); ok {
			return equalMaps(b, l, r)
		}
	}
	return types.Equal(x, y)
}

// elementWork is the cost of visiting an element of a list or a map.
const elementWork = 4

func equalLists(b *Budget, x, y traits.Lister) ref.Val {
	n := x.Size().(types.Int)
	if y.Size() != n {
		return types.False
	}
	for i := types.IntZero; i < n; i++ {
		b.Charge(elementWork)
		if equal(b, x.Get(i), y.Get(i)) == types.False {
			return types.False
		}
	}
	return types.True
}

func equalMaps(b *Budget, x, y traits.Mapper) ref.Val {
	if x.Size() != y.Size() {
		return types.False
	}
	for it := x.Iterator(); it.HasNext() == types.True; {
		b.Charge(mapEntryWork)
		key := it.Next()
		ours, _ := x.Find(key)
		theirs, found := y.Find(key)
		if !found || equal(b, ours, theirs) == types.False {
			return types.False
		}
	}
	return types.True
}

// mapEntryWork is the cost of visiting or making an entry of a map.
const mapEntryWork = 16

func notEqual(b *Budget, x, y ref.Val) ref.Val { return types.Bool(equal(b, x, y) != types.True) }

// in is CEL's membership in a list or a map.
func in(b *Budget, x, y ref.Val) ref.Val {
	if r, ok := y.(Relayed); ok {
		if _, isMap := y.(traits.Mapper); !isMap {
			y = r.Compared()
		}
	}
	list, ok := y.(traits.Lister)
	if !ok {
		if container, ok := y.(traits.Container); ok {
			return container.Contains(x)
		}
		return types.MaybeNoSuchOverloadErr(y)
	}
	if s := b.searchedList(list); s != nil {
		return types.Bool(s.contains(x))
	}
	for it := list.Iterator(); it.HasNext() == types.True; {
		b.Charge(searchedWork)
		if equal(b, x, it.Next()) == types.True {
			return types.True
		}
	}
	return types.False
}

// searchedWork is the cost of visiting an element that is not kept.
const searchedWork = 3

// isConstantSearch reports whether a call searches a list of literals.
func isConstantSearch(call interpreter.InterpretableCall) bool {
	if call.Function() != operators.In || call.OverloadID() != overloads.InList {
		return false
	}
	_, constant := call.Args()[1].(interpreter.InterpretableConst)
	return constant
}
