// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"math/bits"
	"strings"

	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// implementations replace functions of cel-go that cannot be charged for, or whose work grows with
// the square of their operands.
var implementations = map[string]implementation{
	operators.Equals:    equal,
	operators.NotEquals: notEqual,
	operators.In:        in,
	"distinct":          distinct,
	"sets.contains":     containsAll,
	"sets.intersects":   intersects,
	"sets.equivalent":   equivalent,
}

// charges are the costs of calls whose work depends on their operands. All others take constant
// time.
var charges = map[string]charge{
	operators.Add:           added,
	operators.Less:          copied,
	operators.LessEquals:    copied,
	operators.Greater:       copied,
	operators.GreaterEquals: copied,
	"size":                  copied,
	"startsWith":            copied,
	"endsWith":              copied,
	"contains":              scanned,
	"string":                scanned,
	"bytes":                 scanned,
	"int":                   scanned,
	"uint":                  scanned,
	"double":                scanned,
	"bool":                  scanned,
	"duration":              scanned,
	"timestamp":             scanned,
	"charAt":                scanned,
	"lowerAscii":            scanned,
	"upperAscii":            scanned,
	"substring":             scanned,
	"trim":                  scanned,
	"strings.quote":         scanned,
	"base64.encode":         scanned,
	"base64.decode":         scanned,
	"indexOf":               searchedText,
	"lastIndexOf":           searchedText,
	"replace":               replacedText,
	"split":                 split,
	"join":                  joined,
	"format":                formatted,
	"json.encode":           walked,
	"reverse":               visited,
	"slice":                 sliced,
	"flatten":               flattened,
	"sort":                  sorted,
	"@sortByAssociatedKeys": sorted,
	"lists.range":           ranged,
	"math.@max":             visited,
	"math.@min":             visited,

	string(toComputed): convertedAll,
	string(toCompared): convertedAll,
	string(toSearched): convertedAll,
	string(toOrdered):  orderedElements,
	string(toSortable): orderedElements,
	string(toRestored): visited,

	"getFullYear": zoned, "getMonth": zoned, "getDayOfYear": zoned, "getDayOfMonth": zoned, "getDate": zoned,
	"getDayOfWeek": zoned, "getHours": zoned, "getMinutes": zoned, "getSeconds": zoned, "getMilliseconds": zoned,
}

// length returns the length of a string or of bytes; 0 for anything else.
func length(v ref.Val) int {
	switch v := v.(type) {
	case types.String:
		return len(v)
	case types.Bytes:
		return len(v)
	}
	return 0
}

// size returns the number of elements of a list or a map; 0 for anything else.
func size(v ref.Val) int {
	switch v := v.(type) {
	case traits.Lister:
		n, _ := v.Size().(types.Int)
		return int(n)
	case traits.Mapper:
		n, _ := v.Size().(types.Int)
		return int(n)
	}
	return 0
}

// added copies strings. Lists are joined without a copy, except for what is appended to a loop's
// result.
func added(b *Budget, o [4]ref.Val) {
	b.ChargeCopy(length(o[0]) + length(o[1]))
	if _, grows := o[0].(traits.MutableLister); grows {
		b.Charge(elementWork * size(o[1]))
	}
}

func copied(b *Budget, o [4]ref.Val) { b.ChargeCopy(length(o[0])) }

func scanned(b *Budget, o [4]ref.Val) { b.ChargeBytes(length(o[0])) }

// searchedText is for a function that compares at each character of a string.
func searchedText(b *Budget, o [4]ref.Val) {
	b.ChargeBytes(length(o[0]) * max(1, length(o[1])))
}

// replacedText counts the replacements, and pays for the result.
func replacedText(b *Budget, o [4]ref.Val) {
	text, _ := o[0].(types.String)
	old, _ := o[1].(types.String)
	b.ChargeCopy(len(text))
	count := strings.Count(string(text), string(old))
	b.Charge(count * elementWork)
	b.ChargeCopy(len(text) + count*length(o[2]))
}

func split(b *Budget, o [4]ref.Val) {
	text, _ := o[0].(types.String)
	separator, _ := o[1].(types.String)
	b.ChargeCopy(len(text))
	b.Charge((strings.Count(string(text), string(separator)) + 1) * elementWork)
}

func joined(b *Budget, o [4]ref.Val) {
	list, ok := o[0].(traits.Lister)
	if !ok {
		return
	}
	for it := list.Iterator(); it.HasNext() == types.True; {
		b.Charge(elementWork)
		b.ChargeCopy(length(it.Next()) + length(o[1]))
	}
}

// formatWork is the cost of a character of a format string: a clause takes two, and writes a number
// of maxPrecision digits.
const (
	maxPrecision = 100
	formatWork   = 32
)

func formatted(b *Budget, o [4]ref.Val) {
	b.Charge(length(o[0]) * formatWork)
	list, ok := o[1].(traits.Lister)
	if !ok {
		return
	}
	// A format string may use each of the operands once.
	charged(b, list, formattedWork)
}

// formattedWork is the cost of writing a value within a list or a map.
const formattedWork = 64

func walked(b *Budget, o [4]ref.Val) { charged(b, o[0], formattedWork) }

// charged pays for a function that visits a value and everything in it. Relayed values pay for
// themselves, once, when they are read; see Relayed.
func charged(b *Budget, v ref.Val, work int) {
	b.Charge(work)
	switch v := v.(type) {
	case Relayed:
	case types.String:
		b.ChargeBytes(len(v))
	case types.Bytes:
		b.ChargeBytes(len(v))
	case traits.Lister:
		for it := v.Iterator(); it.HasNext() == types.True; {
			charged(b, it.Next(), work)
		}
	case traits.Mapper:
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			charged(b, key, work)
			charged(b, v.Get(key), work)
		}
	}
}

// convertedAll is for conversions.
func convertedAll(b *Budget, o [4]ref.Val) {
	switch o[0].(type) {
	case traits.Lister, traits.Mapper:
		charged(b, o[0], elementWork)
	}
}

// orderedElements is for a conversion of a list that makes each element again.
func orderedElements(b *Budget, o [4]ref.Val) {
	b.Charge(size(o[0]) * orderedWork)
}

// orderedWork is the cost of converting an element of a list.
const orderedWork = 8

// visited is for a function that visits each element of a list, or each character of a string.
func visited(b *Budget, o [4]ref.Val) {
	b.ChargeBytes(length(o[0]))
	b.Charge(size(o[0]) * elementWork)
}

func sliced(b *Budget, o [4]ref.Val) {
	from, _ := o[1].(types.Int)
	to, _ := o[2].(types.Int)
	b.Charge(max(0, min(size(o[0]), int(to)-int(from))) * elementWork)
}

// flattened copies each element once for each level that it comes from.
func flattened(b *Budget, o [4]ref.Val) {
	depth := 1
	if n, ok := o[1].(types.Int); ok {
		depth = int(n)
	}
	flattenedList(b, o[0], depth, 1)
}

func flattenedList(b *Budget, v ref.Val, depth, copies int) {
	list, ok := v.(traits.Lister)
	if !ok || depth < 0 {
		b.Charge(copies)
		return
	}
	b.Charge(elementWork)
	for it := list.Iterator(); it.HasNext() == types.True; {
		flattenedList(b, it.Next(), depth-1, copies+1)
	}
}

// sorted is n log n comparisons.
func sorted(b *Budget, o [4]ref.Val) {
	n := size(o[0])
	b.Charge(n * bits.Len(uint(n)) * sortWork)
}

// sortWork is the cost of a comparison of a sort.
const sortWork = 6

func ranged(b *Budget, o [4]ref.Val) {
	if n, ok := o[0].(types.Int); ok && n > 0 {
		b.Charge(min(int(n), WorkLimit) * elementWork)
	}
}

// zoned is for a function of a timestamp, which reads time zones from files.
func zoned(b *Budget, o [4]ref.Val) {
	if o[1] != nil {
		b.Charge(zoneWork)
	}
}

const zoneWork = 5000
