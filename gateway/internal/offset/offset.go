// SPDX-License-Identifier: Apache-2.0

// Package offset is the word by which a client that comes back says what it has got: the last
// argument of each event, as in Socket.IO's "Connection state recovery". To clients it is a string;
// to us a place in an order of events.
package offset

import (
	"strconv"
	"strings"
)

// base is that of numbers in offsets.
const base = 36

// Append adds an offset to JSON values with commas between them. The mark tells the order that the
// number is of from others; it has no dot, and nothing that JSON escapes.
func Append(values []byte, mark string, number uint64) []byte {
	if len(values) > 0 {
		values = append(values, ',')
	}
	values = append(values, '"')
	values = append(values, mark...)
	values = append(values, '.')
	values = strconv.AppendUint(values, number, base)
	return append(values, '"')
}

// Parse is the number of an offset, 0 for what is none with the mark.
func Parse(mark, offset string) uint64 {
	of, digits, ok := strings.Cut(offset, ".")
	if !ok || of != mark {
		return 0
	}
	number, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		return 0
	}
	return number
}
