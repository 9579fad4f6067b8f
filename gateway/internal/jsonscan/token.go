// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// scalarEnd returns the index behind the string, number or word that begins at i, or -1 if it is
// none.
func scalarEnd(data []byte, i int) int {
	switch data[i] {
	case '"':
		return StringEnd(data, i)
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

// StringEnd returns the index behind the string whose first quote is at i, or -1 if it is not
// valid.
func StringEnd(data []byte, i int) int {
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

// skipPlain skips, eight bytes at a time, to the first byte that may be a quote, a backslash or a
// control character, or to less than eight bytes before the end.
func skipPlain(data []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i+8 <= len(data) {
		x := binary.LittleEndian.Uint64(data[i:])
		quote, slash := x^ones*'"', x^ones*'\\'
		// The high bit of a byte is set if that byte is searched for. After the first such byte it
		// may also be set for others.
		found := ((x - ones*' ') &^ x) | ((quote - ones) &^ quote) | ((slash - ones) &^ slash)
		if found &= highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	return i
}

// numberEnd returns the index behind the number that begins at i, or -1 if it is not valid.
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

// SkipSpace returns the index of the first byte from i on that is no white space; len(data) if
// there is none.
func SkipSpace(data []byte, i int) int {
	for i < len(data) && isSpace(data[i]) {
		i++
	}
	return i
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func countDigits(data []byte) int {
	n := 0
	for n < len(data) && data[n] >= '0' && data[n] <= '9' {
		n++
	}
	return n
}
