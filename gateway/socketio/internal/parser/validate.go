// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// maxDepth is how deep a payload may be nested. It bounds the work of those who look into it level by level.
const maxDepth = 512

var (
	errNotJSON = errors.New("payload is not JSON")
	errTooDeep = fmt.Errorf("payload is nested more than %d levels deep", maxDepth)
)

// checkJSON tells in one pass whether data is a JSON value as RFC 8259 has it, white space around it allowed, and not nested too
// deep. It takes a fraction of the time of json.Valid, which would be half the price of an event.
func checkJSON(data []byte) error {
	var n nesting
	i := skipSpace(data, 0)
	for {
		end, opened, err := n.begin(data, i)
		if err != nil {
			return err
		}
		if i = end; opened {
			continue
		}
		if i = n.end(data, i); i < 0 {
			return errNotJSON
		}
		if n.depth == 0 {
			return nil
		}
	}
}

// nesting is which brackets are open.
type nesting struct {
	depth int
	// objects has a bit for each level: set if it is an object.
	objects [maxDepth / 64]uint64
}

// begin reads the value that begins at i: a scalar up to its end, or, if it opens a list or an object that is not empty, up to the first
// value in that.
func (n *nesting) begin(data []byte, i int) (end int, opened bool, err error) {
	if i == len(data) {
		return 0, false, errNotJSON
	}
	c := data[i]
	if c != '[' && c != '{' {
		if end = scalarEnd(data, i); end < 0 {
			return 0, false, errNotJSON
		}
		return end, false, nil
	}
	if i = skipSpace(data, i+1); i == len(data) {
		return 0, false, errNotJSON
	}
	if n.depth == maxDepth {
		return 0, false, errTooDeep
	}
	if data[i] == c+2 { // ']' and '}' stand two behind '[' and '{'
		return i + 1, false, nil
	}
	n.open(c == '{')
	if c == '{' {
		if i = nameEnd(data, i); i < 0 {
			return 0, false, errNotJSON
		}
	}
	return i, true, nil
}

// end reads on behind a value: to where the next one begins, or to the end of all. It is negative if neither comes.
func (n *nesting) end(data []byte, i int) int {
	for {
		i = skipSpace(data, i)
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
			return nameEnd(data, skipSpace(data, i+1))
		case c == ',':
			return skipSpace(data, i+1)
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

// nameEnd is where the value begins of the member whose name begins at i.
func nameEnd(data []byte, i int) int {
	if i == len(data) || data[i] != '"' {
		return -1
	}
	if i = stringEnd(data, i); i < 0 {
		return -1
	}
	if i = skipSpace(data, i); i == len(data) || data[i] != ':' {
		return -1
	}
	return skipSpace(data, i+1)
}

func scalarEnd(data []byte, i int) int {
	switch data[i] {
	case '"':
		return stringEnd(data, i)
	case 't':
		return wordEnd(data, i, "true")
	case 'f':
		return wordEnd(data, i, "false")
	case 'n':
		return wordEnd(data, i, "null")
	}
	return numberEnd(data, i)
}

func wordEnd(data []byte, i int, word string) int {
	if end := i + len(word); end <= len(data) && string(data[i:end]) == word {
		return end
	}
	return -1
}

// stringEnd is behind the string whose first quote is at i.
func stringEnd(data []byte, i int) int {
	for i++; ; i++ {
		i = skipPlain(data, i)
		if i >= len(data) || data[i] < ' ' {
			return -1
		}
		if data[i] == '"' {
			return i + 1
		}
		if data[i] != '\\' {
			continue
		}
		if i++; i == len(data) {
			return -1
		}
		switch data[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if i+4 >= len(data) || !isHex(data[i+1]) || !isHex(data[i+2]) || !isHex(data[i+3]) || !isHex(data[i+4]) {
				return -1
			}
			i += 4
		default:
			return -1
		}
	}
}

// skipPlain goes, eight bytes at a time, to the first that may be a quote, a backslash or a control character, or near the end.
func skipPlain(data []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i+8 <= len(data) {
		x := binary.LittleEndian.Uint64(data[i:])
		quote, slash := x^ones*'"', x^ones*'\\'
		// A byte's high bit is set if the byte is what is looked for. Behind the first it may be set too for others.
		found := ((x - ones*' ') &^ x) | ((quote - ones) &^ quote) | ((slash - ones) &^ slash)
		if found &= highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	return i
}

// numberEnd is behind the number that begins at i.
func numberEnd(data []byte, i int) int {
	if i < len(data) && data[i] == '-' {
		i++
	}
	digits := countDigits(data[i:])
	if digits == 0 || digits > 1 && data[i] == '0' {
		return -1
	}
	i += digits
	if i < len(data) && data[i] == '.' {
		if digits = countDigits(data[i+1:]); digits == 0 {
			return -1
		}
		i += 1 + digits
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		if i++; i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		if digits = countDigits(data[i:]); digits == 0 {
			return -1
		}
		i += digits
	}
	return i
}

func skipSpace(data []byte, i int) int {
	for i < len(data) && isSpace(data[i]) {
		i++
	}
	return i
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
