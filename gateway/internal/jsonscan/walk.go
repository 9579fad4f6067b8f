// SPDX-License-Identifier: Apache-2.0

package jsonscan

import "iter"

// The functions of this file are for valid JSON, at any depth. Other data make them panic or return
// meaningless indices.

// Elements iterates over the values of a JSON array, as their bytes.
func Elements(list []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := First(list, 0); list[i] != ']'; {
			end := ValueEnd(list, i)
			if !yield(list[i:end]) {
				return
			}
			i = Next(list, end)
		}
	}
}

// Members iterates over the names, quoted, and the values of a JSON object, as their bytes and in
// their order.
func Members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for i := First(object, 0); object[i] != '}'; {
			name := StringEnd(object, i)
			value := MemberValue(object, name)
			end := ValueEnd(object, value)
			if !yield(object[i:name], object[value:end]) {
				return
			}
			i = Next(object, end)
		}
	}
}

// First returns the index of the first element or name in the array or object that begins at i, or
// of the bracket that closes it.
func First(data []byte, i int) int { return SkipSpace(data, i+1) }

// Next returns the index of the element or name that follows the value that ends at i, or of the
// bracket that closes the array or object.
func Next(data []byte, i int) int {
	i = SkipSpace(data, i)
	if data[i] == ',' {
		i = SkipSpace(data, i+1)
	}
	return i
}

// MemberValue returns the index of the value of the member whose name ends at i.
func MemberValue(data []byte, i int) int {
	return SkipSpace(data, SkipSpace(data, i)+1) // behind the colon
}

// ValueEnd returns the index behind the value that begins at i.
func ValueEnd(data []byte, i int) int {
	if c := data[i]; c != '[' && c != '{' {
		return scalarEnd(data, i)
	}
	depth := 0
	for {
		switch data[i] {
		case '"':
			i = StringEnd(data, i)
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

// Depth returns how many lists and objects are nested in a value: 0 for a scalar.
func Depth(value []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(value); {
		switch value[i] {
		case '"':
			i = StringEnd(value, i)
			continue
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		}
		i++
	}
	return deepest
}
