// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
)

func compileSet(set map[string]v1alpha1.Expression) (step, error) {
	names := slices.Sorted(maps.Keys(set))
	programs := make([]cel.Program, len(names))
	for i, name := range names {
		var err error
		if programs[i], err = expression.Compile(expression.Value, string(set[name])); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	return func(r *run) error { return r.set(names, programs) }, nil
}

// set evaluates all values, then writes them together.
func (r *run) set(names []string, programs []cel.Program) error {
	values := make([]ref.Val, len(names))
	for i, program := range programs {
		v, err := r.Eval(program)
		if err == nil {
			values[i], err = celvalue.Keep(v, &r.Budget)
		}
		if err != nil {
			return fmt.Errorf("set %s: %w", names[i], err)
		}
	}
	next := r.Data.With(names, values)
	if err := next.Check(r.limits().DataBytes); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	if err := r.Socket.CheckData(next); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	r.Data = next
	r.Socket.SetData(next)
	r.touchPresence()
	return nil
}
