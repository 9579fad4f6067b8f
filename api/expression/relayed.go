// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// Relayed is a value that still has the JSON it was read from, so that an expression that only
// passes it on does not change its bytes. CEL's functions know CEL's own types alone: before a
// relayed value reaches one of them, the compiled expression converts it (see operands.go).
type Relayed interface {
	ref.Val
	// Computed is the value for functions that compute: numbers are doubles, at any depth.
	Computed() ref.Val
	// Compared is the value for comparisons: an integer of 2^53 or more, which a double may not
	// hold, is an int or a uint if it fits.
	Compared() ref.Val
	// Source is the JSON.
	Source() []byte
}

// Computed converts a value as functions that compute take it.
func Computed(v ref.Val) ref.Val { return converted(v, Relayed.Computed) }

// Compared converts a value as comparisons take it.
func Compared(v ref.Val) ref.Val { return converted(v, Relayed.Compared) }

// converted converts a value and what is in it. A value without a relayed one in it stays as it is.
func converted(v ref.Val, convert func(Relayed) ref.Val) ref.Val {
	switch v := v.(type) {
	case types.Double, types.String: // as most
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

// replaced tells whether a conversion has made another value. Only relayed values, lists and maps
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

// spelled converts what string() takes: a number is spelled as JavaScript's String() does, and a
// relayed integer that a double cannot hold has its own digits.
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

// maxSafe is the first integer whose successor a double does not hold.
const maxSafe = 1 << 53

// IsInteger tells whether a JSON number has neither fraction nor exponent.
func IsInteger(number []byte) bool {
	for i, c := range number {
		if (c < '0' || c > '9') && (c != '-' || i > 0) {
			return false
		}
	}
	return len(number) > 0
}

// Exact is the value of a JSON number for comparisons, of which f is the nearest double.
func Exact(number []byte, f float64) ref.Val {
	if math.Abs(f) < maxSafe || !IsInteger(number) {
		return types.Double(f)
	}
	if n, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		return types.Int(n)
	}
	if n, err := strconv.ParseUint(string(number), 10, 64); err == nil {
		return types.Uint(n)
	}
	return types.Double(f)
}

// AppendNumber writes a number as JavaScript's String() does: 3 for 3.0, 1e+21, Infinity.
func AppendNumber(buf []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(buf, "NaN"...)
	case math.IsInf(f, 1):
		return append(buf, "Infinity"...)
	case math.IsInf(f, -1):
		return append(buf, "-Infinity"...)
	case f == 0: // minus zero too
		return append(buf, '0')
	}
	if n := int64(f); float64(n) == f && n > -maxSafe && n < maxSafe {
		return strconv.AppendInt(buf, n, 10)
	}
	text, _ := json.Marshal(f) // formats as ECMAScript does; a finite number always encodes
	return append(buf, text...)
}

// element is an element of a list while the list's elements are compared with each other. It
// compares by value, and is followed by original again.
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

// Equal tells whether two elements of a list are equal.
func (e element) Equal(other ref.Val) ref.Val {
	if o, ok := other.(element); ok {
		other = o.Val
	}
	return e.Val.Equal(other)
}

// Type is that of the original: a relayed number is a double, however it is compared.
func (e element) Type() ref.Type { return e.original.Type() }

// ordered converts a list whose elements a function compares with each other, and returns some of.
func ordered(v ref.Val) ref.Val { return elements(v, func(ref.Val) bool { return true }) }

// sortable is ordered for a function that wants elements to have an order.
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
