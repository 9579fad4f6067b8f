// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"hash/maphash"
	"math"
	"reflect"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// cel-go compares each element with each other one, which takes seconds for some ten thousand
// elements. These functions use a hash table.

// set holds values, each once.
type set struct {
	budget *Budget
	// buckets has the values by their hash. Equal values have the same hash, and few others do.
	buckets map[uint64][]ref.Val
}

func newSet(b *Budget, size int) *set {
	return &set{budget: b, buckets: make(map[uint64][]ref.Val, size)}
}

// setWork is the cost of a look-up in a set.
const setWork = 24

func (s *set) contains(v ref.Val) bool { return s.find(s.hash(v), v) }

func (s *set) find(hash uint64, v ref.Val) bool {
	for _, other := range s.buckets[hash] {
		s.budget.Charge(elementWork)
		if equal(s.budget, unwrapped(v), unwrapped(other)) == types.True {
			return true
		}
	}
	return false
}

// add reports whether the value is new.
func (s *set) add(v ref.Val) bool {
	hash := s.hash(v)
	if s.find(hash, v) {
		return false
	}
	s.buckets[hash] = append(s.buckets[hash], v)
	return true
}

func (s *set) hash(v ref.Val) uint64 {
	s.budget.Charge(setWork)
	return hashOf(s.budget, unwrapped(v))
}

// unwrapped returns the value by which an element of a list is compared.
func unwrapped(v ref.Val) ref.Val {
	if e, ok := v.(element); ok {
		return e.Val
	}
	return v
}

var hashSeed = maphash.MakeSeed()

// hashOf returns the same hash for equal values. Numbers of all types are hashed as the double to
// which CEL's comparison of different types converts them.
func hashOf(b *Budget, v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		b.ChargeCopy(len(v))
		return maphash.String(hashSeed, string(v))
	case types.Bytes:
		b.ChargeCopy(len(v))
		return ^maphash.Bytes(hashSeed, v)
	case types.Double:
		return hashNumber(float64(v))
	case types.Int:
		return hashNumber(float64(v))
	case types.Uint:
		return hashNumber(float64(v))
	case types.Bool, types.Null:
		return maphash.Comparable[ref.Val](hashSeed, v)
	case types.Timestamp:
		return maphash.Comparable(hashSeed, v.UnixNano())
	case types.Duration:
		return maphash.Comparable(hashSeed, v.Duration)
	case Relayed:
		return hashOf(b, v.Compared())
	case traits.Lister:
		return hashList(b, v)
	case traits.Mapper:
		return hashMap(b, v)
	}
	return 0 // types and objects, which are few
}

func hashNumber(f float64) uint64 {
	if f == 0 || math.IsNaN(f) {
		f = 0 // both zeros are equal; NaN equals nothing, itself included
	}
	return maphash.Comparable(hashSeed, f)
}

func hashList(b *Budget, list traits.Lister) uint64 {
	hash := uint64(1)
	for it := list.Iterator(); it.HasNext() == types.True; {
		b.Charge(elementWork)
		hash = maphash.Comparable(hashSeed, [2]uint64{hash, hashOf(b, it.Next())})
	}
	return hash
}

// hashMap does not depend on the order of the entries.
func hashMap(b *Budget, m traits.Mapper) uint64 {
	hash := uint64(2)
	for it := m.Iterator(); it.HasNext() == types.True; {
		b.Charge(mapEntryWork)
		key := it.Next()
		hash += maphash.Comparable(hashSeed, [2]uint64{hashOf(b, key), hashOf(b, m.Get(key))})
	}
	return hash
}

// distinct is lists.distinct: of equal elements it keeps the first.
func distinct(b *Budget, x, _ ref.Val) ref.Val {
	list, ok := x.(traits.Lister)
	if !ok {
		return types.MaybeNoSuchOverloadErr(x)
	}
	if list.Size() == types.IntZero {
		return list
	}
	seen := newSet(b, 0)
	var unique []ref.Val
	for it := list.Iterator(); it.HasNext() == types.True; {
		if v := it.Next(); seen.add(v) {
			unique = append(unique, v)
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, unique)
}

// setOf returns the elements of a list.
func setOf(b *Budget, list traits.Lister) *set {
	s := newSet(b, 0)
	for it := list.Iterator(); it.HasNext() == types.True; {
		s.add(it.Next())
	}
	return s
}

// searchedSize is the size from which on a list that is searched again is worth a hash table.
const searchedSize = 32

// searchedList returns the elements of a list that `in` searches for the second time in this event,
// as in each round of a loop. It returns nil if the list is searched element by element.
func (b *Budget) searchedList(list traits.Lister) *set {
	if b == nil || size(list) < searchedSize || reflect.TypeOf(list).Kind() != reflect.Pointer {
		return nil
	}
	s, again := b.searched[list]
	if !again {
		if b.searched == nil {
			b.searched = map[ref.Val]*set{}
		}
		b.searched[list] = nil
		return nil
	}
	if s == nil {
		s = setOf(b, list)
		b.searched[list] = s
	}
	return s
}

// containsAll is sets.contains.
func containsAll(b *Budget, x, y ref.Val) ref.Val {
	return ofLists(x, y, func(list, sublist traits.Lister) bool {
		all := setOf(b, list)
		for it := sublist.Iterator(); it.HasNext() == types.True; {
			if !all.contains(it.Next()) {
				return false
			}
		}
		return true
	})
}

// intersects is sets.intersects.
func intersects(b *Budget, x, y ref.Val) ref.Val {
	return ofLists(x, y, func(list, other traits.Lister) bool {
		all := setOf(b, list)
		for it := other.Iterator(); it.HasNext() == types.True; {
			if all.contains(it.Next()) {
				return true
			}
		}
		return false
	})
}

// equivalent is sets.equivalent.
func equivalent(b *Budget, x, y ref.Val) ref.Val {
	if v := containsAll(b, x, y); v != types.True {
		return v
	}
	return containsAll(b, y, x)
}

func ofLists(x, y ref.Val, f func(x, y traits.Lister) bool) ref.Val {
	a, isList := x.(traits.Lister)
	if !isList {
		return types.MaybeNoSuchOverloadErr(x)
	}
	b, isList := y.(traits.Lister)
	if !isList {
		return types.MaybeNoSuchOverloadErr(y)
	}
	return types.Bool(f(a, b))
}
