// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"crypto/tls"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
)

// Request has the variables of admission rules: an HTTP request for a handshake. Not safe for
// concurrent use.
type Request struct {
	HTTP *http.Request
	Now  time.Time
	// budget is for all rules together.
	budget expression.Budget
	// query and headers are made for the first rule that uses them.
	query, headers ref.Val
}

var _ cel.Activation = (*Request)(nil)

// Eval evaluates a rule.
func (r *Request) Eval(program cel.Program) (ref.Val, error) {
	v, _, err := program.Eval(r)
	return v, err
}

// ResolveName returns the value of a variable.
func (r *Request) ResolveName(name string) (any, bool) {
	switch name {
	case expression.Work:
		return &r.budget, true
	case expression.Request:
		return celvalue.Object{Declared: expression.RequestType, Field: r.field}, true
	case expression.Now:
		return types.Timestamp{Time: r.Now}, true
	default:
		return nil, false
	}
}

// Parent returns nil: there are no other variables.
func (r *Request) Parent() cel.Activation { return nil }

func (r *Request) field(name string) ref.Val {
	switch name {
	case "method":
		return types.String(r.HTTP.Method)
	case "host":
		return types.String(r.HTTP.Host)
	case "path":
		return types.String(r.HTTP.URL.Path)
	case "query":
		if r.query == nil {
			r.query = celvalue.StringMap(&r.budget, r.HTTP.URL.Query(), nil)
		}
		return r.query
	case "headers":
		if r.headers == nil {
			r.headers = celvalue.StringMap(&r.budget, r.HTTP.Header, strings.ToLower)
		}
		return r.headers
	case "address":
		return types.String(engineio.AddressOf(r.HTTP))
	case "secure":
		return types.Bool(r.HTTP.TLS != nil)
	default:
		return nil
	}
}

// FirstRequest is the request that began a connection, as far as it was kept, with headers that
// were kept apart.
func FirstRequest(h *engineio.Handshake, apart http.Header) *http.Request {
	r := &http.Request{Method: http.MethodGet, Host: h.Host, URL: &url.URL{}, Header: h.Header, RemoteAddr: h.RemoteAddr}
	if u, err := url.ParseRequestURI(h.URL); err == nil {
		r.URL = u
	}
	if h.Secure {
		r.TLS = &tls.ConnectionState{}
	}
	maps.Copy(r.Header, apart)
	return r
}
