// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/internal/placeholder"
)

// Origin is the packet of a JSON value.
type Origin struct {
	// Attachments are the values of the placeholders in the JSON.
	Attachments [][]byte
	// Budget pays for accesses. It is nil if they were paid for before, as for socket.data.
	Budget *expression.Budget
}

// FromJSON makes a CEL value of valid JSON in valid UTF-8; in invalid UTF-8, two names could become
// equal. Lists and maps stay JSON until an expression accesses them, level by level, so that
// relayed values cost nothing and keep their bytes; so do strings and numbers that would otherwise
// be written differently. In a packet with attachments, a placeholder becomes the bytes that it
// stands for.
func FromJSON(raw []byte, o Origin) ref.Val {
	switch raw[0] {
	case '"':
		return stringFromJSON(raw)
	case '[':
		return &rawList{raw: raw, Origin: o}
	case '{':
		if i, ok := o.placeholder(raw); ok {
			return types.Bytes(o.Attachments[i])
		}
		return &rawMap{raw: raw, Origin: o}
	case 't':
		return types.True
	case 'f':
		return types.False
	case 'n':
		return types.NullValue
	default:
		return numberFromJSON(raw)
	}
}

func stringFromJSON(raw []byte) ref.Val {
	if isVerbatim(raw) {
		return types.String(raw[1 : len(raw)-1])
	}
	return &rawScalar{types.String(Unquote(raw)), raw}
}

// lineSeparators is the common prefix of U+2028 and U+2029 in UTF-8, which are written as escapes.
var lineSeparators = []byte("\u2028"[:2])

// isVerbatim reports whether a string is written as it was received.
func isVerbatim(raw []byte) bool {
	return bytes.IndexByte(raw, '\\') < 0 && !bytes.Contains(raw, lineSeparators)
}

// exactDigits is the number of digits up to which every integer is exact as a double.
const exactDigits = 15

func numberFromJSON(raw []byte) ref.Val {
	f := float(raw)
	integer := expression.IsInteger(raw)
	if integer && len(raw) <= exactDigits && raw[0] != '-' {
		return types.Double(f)
	}
	var buf [32]byte
	if integer && len(raw) > exactDigits || !bytes.Equal(raw, expression.AppendNumber(buf[:0], f)) {
		return &rawScalar{types.Double(f), raw}
	}
	return types.Double(f)
}

// float returns the value of a number. Beyond the range of a double it is infinite, as in
// JavaScript.
func float(raw []byte) float64 {
	f, _ := strconv.ParseFloat(string(raw), 64)
	return f
}

// placeholder returns the index of the attachment that an object stands for.
func (o Origin) placeholder(raw []byte) (int, bool) {
	if len(o.Attachments) == 0 {
		return 0, false
	}
	o.Budget.ChargeCopy(len(raw))
	for _, s := range placeholder.Find(raw) {
		if s.Start == 0 && s.Num >= 0 && s.Num < len(o.Attachments) {
			return s.Num, true
		}
	}
	return 0, false
}

// Unquote returns the value of a valid JSON string.
func Unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var text string
	_ = json.Unmarshal(raw, &text) // raw is valid JSON
	return text
}
