// SPDX-License-Identifier: Apache-2.0

package service

import "iter"

// elements are the values of a valid JSON array, as their bytes.
func elements(list []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		i := skipSpace(list, 1)
		for list[i] != ']' {
			end := valueEnd(list, i)
			if !yield(list[i:end]) {
				return
			}
			i = next(list, end)
		}
	}
}

// members are the names, quoted, and values of a valid JSON object, as their bytes and in their order.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		i := skipSpace(object, 1)
		for object[i] != '}' {
			nameEnd := valueEnd(object, i)
			value := skipSpace(object, skipSpace(object, nameEnd)+1) // behind the colon
			end := valueEnd(object, value)
			if !yield(object[i:nameEnd], object[value:end]) {
				return
			}
			i = next(object, end)
		}
	}
}

// next is where the next value starts, or the closing bracket stands.
func next(data []byte, i int) int {
	i = skipSpace(data, i)
	if data[i] == ',' {
		i = skipSpace(data, i+1)
	}
	return i
}

// valueEnd is the index behind the value that starts at i.
func valueEnd(data []byte, i int) int {
	switch data[i] {
	case '"':
		return stringEnd(data, i)
	case '[', '{':
		return nestedEnd(data, i)
	}
	for i < len(data) && !ends(data[i]) {
		i++
	}
	return i
}

func stringEnd(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func nestedEnd(data []byte, i int) int {
	depth := 0
	for {
		switch data[i] {
		case '"':
			i = stringEnd(data, i)
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

func skipSpace(data []byte, i int) int {
	for data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r' {
		i++
	}
	return i
}

// ends tells whether a character ends a number or a word.
func ends(c byte) bool {
	switch c {
	case ',', ']', '}', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}
