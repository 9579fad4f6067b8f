// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"math"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// Relayed is a value that still has the JSON that it was read from, so that an expression that only
// passes it on does not change its bytes. CEL's functions know only CEL's own types: before a
// relayed value reaches one of them, the compiled expression converts it (see operands.go). A value
// of an event charges its Budget for being read, once for each of the two conversions.
type Relayed interface {
	ref.Val
	// Computed returns the value for functions that compute: numbers are doubles, at any depth.
	Computed() ref.Val
	// Compared returns the value for comparisons: an integer of 2^53 or more, which a double may
	// not represent, is an int or a uint if it fits.
	Compared() ref.Val
	// Source returns the JSON.
	Source() []byte
}

// Computed converts a value for functions that compute.
func Computed(v ref.Val) ref.Val { return converted(v, Relayed.Computed) }

// Compared converts a value for comparisons.
func Compared(v ref.Val) ref.Val { return converted(v, Relayed.Compared) }

// Computed is Computed, with its cost.
func (b *Budget) Computed(v ref.Val) ref.Val {
	convertedAll(b, [4]ref.Val{v})
	return Computed(v)
}

// converted converts a value and everything in it. A value without a relayed one in it stays as it
// is.
func converted(v ref.Val, convert func(Relayed) ref.Val) ref.Val {
	switch v := v.(type) {
	case types.Double, types.String: // like most
	case Relayed:
		return convert(v)
	case traits.Lister:
		return convertedList(v, convert)
	case traits.Mapper:
		return convertedMap(v, convert)
	}
	return v
}

func convertedList(list traits.Lister, convert func(Relayed) ref.Val) ref.Val {
	var values []ref.Val
	changed := false
	for it := list.Iterator(); it.HasNext() == types.True; {
		before := it.Next()
		after := converted(before, convert)
		changed = changed || replaced(before, after)
		values = append(values, after)
	}
	if !changed {
		return list
	}
	return types.NewRefValList(types.DefaultTypeAdapter, values)
}

func convertedMap(m traits.Mapper, convert func(Relayed) ref.Val) ref.Val {
	values := map[ref.Val]ref.Val{}
	changed := false
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		before := m.Get(key)
		after := converted(before, convert)
		changed = changed || replaced(before, after)
		values[key] = after
	}
	if !changed {
		return m
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, values)
}

// replaced reports whether a conversion has made another value. Only relayed values, lists and maps
// are ever replaced; others may not be comparable with ==.
func replaced(before, after ref.Val) bool {
	switch before.(type) {
	case Relayed:
		return true
	case traits.Lister, traits.Mapper:
		return before != after
	}
	return false
}

// scalar converts a value for functions that take lists and maps as a whole: these stay relayed.
func scalar(v ref.Val) ref.Val {
	switch v := v.(type) {
	case traits.Lister, traits.Mapper:
		return v
	case Relayed:
		return v.Computed()
	}
	return v
}

// searched converts the right side of `in`. Relayed lists compare by themselves, and maps are
// searched by their names.
func searched(v ref.Val) ref.Val {
	switch v := v.(type) {
	case Relayed, traits.Mapper:
		return v
	}
	return Compared(v)
}

// spelled converts the operand of string(): a number is written like by JavaScript's String(), and
// a relayed integer that a double cannot represent keeps its digits.
func spelled(v ref.Val) ref.Val {
	if r, ok := v.(Relayed); ok {
		v = r.Computed()
		if f, ok := v.(types.Double); ok && math.Abs(float64(f)) >= maxSafe && IsInteger(r.Source()) {
			return types.String(r.Source())
		}
	}
	if f, ok := v.(types.Double); ok {
		return types.String(AppendNumber(nil, float64(f)))
	}
	return v
}
