// SPDX-License-Identifier: Apache-2.0

package service

import (
	"net/http"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
)

// requestVariables are what admission rules see.
type requestVariables struct {
	request *http.Request
	now     time.Time
	budget  expression.Budget
	// query and headers are made for the first rule that asks.
	query, headers ref.Val
}

var _ cel.Activation = (*requestVariables)(nil)

// ResolveName gives the value of a variable.
func (v *requestVariables) ResolveName(name string) (any, bool) {
	switch name {
	case expression.Work:
		return &v.budget, true
	case expression.Request:
		return celvalue.Object{Declared: expression.RequestType, Field: v.field}, true
	case expression.Now:
		return types.Timestamp{Time: v.now}, true
	default:
		return nil, false
	}
}

// Parent is nil: there are no other variables.
func (v *requestVariables) Parent() cel.Activation { return nil }

func (v *requestVariables) field(name string) ref.Val {
	switch name {
	case "method":
		return types.String(v.request.Method)
	case "host":
		return types.String(v.request.Host)
	case "path":
		return types.String(v.request.URL.Path)
	case "query":
		if v.query == nil {
			v.query = celvalue.StringMap(&v.budget, v.request.URL.Query(), nil)
		}
		return v.query
	case "headers":
		if v.headers == nil {
			v.headers = celvalue.StringMap(&v.budget, v.request.Header, strings.ToLower)
		}
		return v.headers
	case "address":
		return types.String(engineio.AddressOf(v.request))
	case "secure":
		return types.Bool(v.request.TLS != nil)
	default:
		return nil
	}
}
