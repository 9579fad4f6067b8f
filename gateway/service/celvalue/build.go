// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/api/expression"
)

// Map returns a map of CEL with the fields.
func Map(fields map[string]ref.Val) traits.Mapper {
	values := make(map[ref.Val]ref.Val, len(fields))
	for name, v := range fields {
		values[types.String(name)] = v
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, values)
}

// Strings returns a list of strings, which the budget pays for.
func Strings(b *expression.Budget, list []string) ref.Val {
	b.Charge(len(list) * valueWork)
	return types.NewStringList(types.DefaultTypeAdapter, list)
}

// StringMap returns a map of strings, which the budget pays for. It joins several values of one
// name with ", ", like HTTP (RFC 9110 section 5.2). A function may rewrite the names; nil keeps
// them.
func StringMap(b *expression.Budget, values map[string][]string, rename func(string) string) ref.Val {
	joined := make(map[string]string, len(values))
	for name, list := range values {
		b.Charge(memberWork)
		if rename != nil {
			name = rename(name)
		}
		joined[name] = strings.Join(list, ", ")
	}
	return types.NewStringStringMap(types.DefaultTypeAdapter, joined)
}
