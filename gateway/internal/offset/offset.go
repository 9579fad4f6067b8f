// SPDX-License-Identifier: Apache-2.0

// Package offset is the string by which a returning client says what it has received: the last
// argument of each event, as in Socket.IO's "Connection state recovery". To us it is a position in
// an order of events.
package offset

import (
	"strconv"
	"strings"
)

// base is the base of numbers in offsets.
const base = 36

// Append appends an offset to JSON values separated by commas. The mark distinguishes the order of
// the number from others; it has no dot, and nothing that JSON escapes.
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

// Parse returns the number of an offset, 0 if it is not one with the mark.
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
