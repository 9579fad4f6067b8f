// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"net/http"
	"time"

	"github.com/google/cel-go/common/types"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
)

// AllowRequest judges a handshake by the rules of the program in force
// (engineio.Config.AllowRequest). A rule that fails refuses, since its result is unknown.
func (r *Runtime) AllowRequest(req *http.Request) error {
	rules := r.program.Load().admission
	if len(rules) == 0 {
		return nil
	}
	v := &eval.Request{HTTP: req, Now: time.Now()}
	for i, rule := range rules {
		admitted, err := v.Eval(rule.Condition)
		if err != nil {
			r.countLimitHit(err, "", fmt.Sprintf("admission[%d]", i), func() string { return "expression" })
			r.ruleFailed(i, err)
		}
		if admitted != types.True {
			return &engineio.Refusal{Message: rule.Message}
		}
	}
	return nil
}

// failedRule is the kind of log lines of an admission rule.
type failedRule int

func (r *Runtime) ruleFailed(rule int, err error) {
	r.logLimit.Warn(r.log.With("rule", rule), failedRule(rule), "an admission rule failed, and refuses", "error", err)
}
