// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"errors"
	"fmt"
	"math"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
)

// Eval evaluates to any value.
func (v *Variables) Eval(program cel.Program) (ref.Val, error) { return v.evaluate(program, v) }

// errClaims stands for the errors of expressions that use claims: they may quote one, and no log
// should have it.
var errClaims = errors.New("its evaluation fails, perhaps because a claim is missing")

// evaluate evaluates a program whose variables include v.
func (v *Variables) evaluate(program cel.Program, all cel.Activation) (ref.Val, error) {
	v.cache.rooms = nil // earlier actions may have changed them
	v.claimed = false
	result, _, err := program.Eval(all)
	if exceeded := (*expression.WorkError)(nil); err != nil && v.claimed && !errors.As(err, &exceeded) {
		err = errClaims
	}
	return result, err
}

// Condition evaluates to a bool.
func (v *Variables) Condition(program cel.Program) (bool, error) {
	return condition(v.Eval(program))
}

func condition(result ref.Val, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	met, ok := result.(types.Bool)
	if !ok {
		return false, wrongType(result, "a bool")
	}
	return bool(met), nil
}

// Text evaluates to a string.
func (v *Variables) Text(program cel.Program) (string, error) {
	result, err := v.Eval(program)
	if err != nil {
		return "", err
	}
	text, ok := v.Budget.Computed(result).(types.String)
	if !ok {
		return "", wrongType(result, "a string")
	}
	return string(text), nil
}

// Revision evaluates to a revision of a room; null stands for none, which is 0.
func (v *Variables) Revision(program cel.Program) (uint64, error) {
	result, err := v.Eval(program)
	if err != nil {
		return 0, err
	}
	switch n := expression.Compared(result).(type) {
	case types.Null:
		return 0, nil
	case types.Uint:
		return uint64(n), nil
	case types.Int:
		if n >= 0 {
			return uint64(n), nil
		}
	case types.Double:
		if n >= 0 && n < math.MaxInt64 {
			return uint64(n), nil
		}
	}
	return 0, wrongType(result, "a revision")
}

func wrongType(v ref.Val, want string) error {
	return fmt.Errorf("must yield %s, and yields %s", want, v.Type().TypeName())
}
