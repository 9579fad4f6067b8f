// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"math"
	"strconv"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// maxSafe is the first integer whose successor a double cannot represent.
const maxSafe = 1 << 53

// IsInteger reports whether a JSON number has neither fraction nor exponent.
func IsInteger(number []byte) bool {
	for i, c := range number {
		if (c < '0' || c > '9') && (c != '-' || i > 0) {
			return false
		}
	}
	return len(number) > 0
}

// Exact returns the value of a JSON number for comparisons; f is the nearest double.
func Exact(number []byte, f float64) ref.Val {
	if math.Abs(f) < maxSafe || !IsInteger(number) {
		return types.Double(f)
	}
	if n, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		return types.Int(n)
	}
	if n, err := strconv.ParseUint(string(number), 10, 64); err == nil {
		return types.Uint(n)
	}
	return types.Double(f)
}

// AppendNumber appends a number in the form of JavaScript's String() (ECMA-262, Number::toString):
// 3 for 3.0, 1e+21, Infinity.
func AppendNumber(buf []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(buf, "NaN"...)
	case math.IsInf(f, 1):
		return append(buf, "Infinity"...)
	case math.IsInf(f, -1):
		return append(buf, "-Infinity"...)
	case f == 0: // including minus zero
		return append(buf, '0')
	}
	if n := int64(f); float64(n) == f && n > -maxSafe && n < maxSafe {
		return strconv.AppendInt(buf, n, 10)
	}
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(buf, f, 'f', -1, 64)
	}
	buf = strconv.AppendFloat(buf, f, 'e', -1, 64)
	if n := len(buf); buf[n-4] == 'e' && buf[n-2] == '0' { // 1e-07
		buf = append(buf[:n-2], buf[n-1])
	}
	return buf
}
