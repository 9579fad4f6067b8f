// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"fmt"

	"github.com/google/cel-go/cel"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// AdmissionRule is a compiled rule of a manifest about handshakes.
type AdmissionRule struct {
	Condition cel.Program
	Message   string
}

// CompileAdmission compiles rules about handshakes.
func CompileAdmission(rules []v1alpha1.AdmissionRule) ([]AdmissionRule, error) {
	compiled := make([]AdmissionRule, len(rules))
	for i, rule := range rules {
		condition, err := expression.Compile(expression.Admission, string(rule.Expression))
		if err != nil {
			return nil, fmt.Errorf("admission[%d]: %w", i, err)
		}
		compiled[i] = AdmissionRule{condition, rule.Message}
	}
	return compiled, nil
}
