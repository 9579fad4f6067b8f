// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
	"bytes"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
)

// rawScalar is a string or a number whose value alone does not determine how it was written, such
// as 9007199254740993, 1.0 or "\u00e9". It belongs to one event or to a socket's data.
type rawScalar struct {
	ref.Val
	raw []byte
}

var _ expression.Relayed = (*rawScalar)(nil)

// Computed returns the string, or the nearest double.
func (s *rawScalar) Computed() ref.Val { return s.Val }

// Compared is Computed, except for large integers.
func (s *rawScalar) Compared() ref.Val {
	if f, ok := s.Val.(types.Double); ok {
		return expression.Exact(s.raw, float64(f))
	}
	return s.Val
}

// Source returns the JSON.
func (s *rawScalar) Source() []byte { return s.raw }

// Equal compares by value.
func (s *rawScalar) Equal(other ref.Val) ref.Val {
	return s.Compared().Equal(expression.Compared(other))
}

// clone returns the scalar without a reference to its event.
func (s *rawScalar) clone() *rawScalar { return &rawScalar{s.Val, bytes.Clone(s.raw)} }
