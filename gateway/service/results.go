// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"math"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
)

func (r *run) eval(program cel.Program) (ref.Val, error) {
	r.made.rooms = nil // earlier steps may have changed them
	v, _, err := program.Eval(&r.variables)
	return v, err
}

func (r *run) condition(program cel.Program) (bool, error) {
	v, err := r.eval(program)
	if err != nil {
		return false, err
	}
	met, ok := v.(types.Bool)
	if !ok {
		return false, yielded(v, "a bool")
	}
	return bool(met), nil
}

// text evaluates to a string.
func (r *run) text(program cel.Program) (string, error) {
	v, err := r.eval(program)
	if err != nil {
		return "", err
	}
	text, ok := r.budget.Computed(v).(types.String)
	if !ok {
		return "", yielded(v, "a string")
	}
	return string(text), nil
}

// revision evaluates to a revision; null stands for none.
func (r *run) revision(program cel.Program) (uint64, error) {
	v, err := r.eval(program)
	if err != nil {
		return 0, err
	}
	switch v := expression.Compared(v).(type) {
	case types.Null:
		return 0, nil
	case types.Uint:
		return uint64(v), nil
	case types.Int:
		if v >= 0 {
			return uint64(v), nil
		}
	case types.Double:
		if v >= 0 && v < math.MaxInt64 {
			return uint64(v), nil
		}
	}
	return 0, yielded(v, "a revision")
}

func yielded(v ref.Val, want string) error {
	return fmt.Errorf("must yield %s, and yields %s", want, v.Type().TypeName())
}
