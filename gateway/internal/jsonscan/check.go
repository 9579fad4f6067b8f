// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"errors"
	"fmt"
)

// MaxDepth is how many lists and objects may be nested. It bounds the work of code that reads a
// value level by level.
const MaxDepth = 512

var (
	// ErrInvalid is returned by Check for data that are not one JSON value.
	ErrInvalid = errors.New("payload is not JSON")
	// ErrTooDeep is returned by Check for a value that is nested more than MaxDepth levels deep.
	ErrTooDeep = fmt.Errorf("payload is nested more than %d levels deep", MaxDepth)
)

// Check reports in one pass whether data is one JSON value (RFC 8259), with optional white space
// around it, and not nested too deep. Like json.Valid it accepts strings that are not UTF-8, lone
// surrogates and duplicate names.
func Check(data []byte) error {
	var n nesting
	i := SkipSpace(data, 0)
	for {
		end, opened, err := n.begin(data, i)
		if err != nil {
			return err
		}
		if i = end; opened {
			continue
		}
		if i = n.end(data, i); i < 0 {
			return ErrInvalid
		}
		if n.depth == 0 {
			return nil
		}
	}
}

// nesting is the stack of open brackets.
type nesting struct {
	depth int
	// objects has a bit for each level: set if it is an object.
	objects [MaxDepth / 64]uint64
}

// begin reads the value that begins at i: a scalar or an empty list or object to its end, and any
// other list or object up to the first value in it.
func (n *nesting) begin(data []byte, i int) (end int, opened bool, err error) {
	if i == len(data) {
		return 0, false, ErrInvalid
	}
	c := data[i]
	if c != '[' && c != '{' {
		if end = scalarEnd(data, i); end < 0 {
			return 0, false, ErrInvalid
		}
		return end, false, nil
	}
	if i = SkipSpace(data, i+1); i == len(data) {
		return 0, false, ErrInvalid
	}
	if n.depth == MaxDepth {
		return 0, false, ErrTooDeep
	}
	if data[i] == c+2 { // ']' and '}' are two after '[' and '{'
		return i + 1, false, nil
	}
	n.open(c == '{')
	if c == '{' {
		if i = memberValue(data, i); i < 0 {
			return 0, false, ErrInvalid
		}
	}
	return i, true, nil
}

// end reads what follows a value, up to the next value or to the end of the data. It returns -1 if
// neither follows.
func (n *nesting) end(data []byte, i int) int {
	for {
		i = SkipSpace(data, i)
		if n.depth == 0 {
			if i < len(data) {
				return -1
			}
			return i
		}
		if i == len(data) {
			return -1
		}
		object := n.inObject()
		switch c := data[i]; {
		case c == ',' && object:
			return memberValue(data, SkipSpace(data, i+1))
		case c == ',':
			return SkipSpace(data, i+1)
		case c == '}' && object, c == ']' && !object:
			n.depth--
			i++
		default:
			return -1
		}
	}
}

func (n *nesting) open(object bool) {
	word, bit := n.depth/64, uint64(1)<<(n.depth%64)
	if object {
		n.objects[word] |= bit
	} else {
		n.objects[word] &^= bit
	}
	n.depth++
}

func (n *nesting) inObject() bool {
	level := n.depth - 1
	return n.objects[level/64]&(1<<(level%64)) != 0
}

// memberValue returns the index of the value of the member whose name begins at i, or -1 if there
// is none.
func memberValue(data []byte, i int) int {
	if i == len(data) || data[i] != '"' {
		return -1
	}
	if i = StringEnd(data, i); i < 0 {
		return -1
	}
	if i = SkipSpace(data, i); i == len(data) || data[i] != ':' {
		return -1
	}
	return SkipSpace(data, i+1)
}
