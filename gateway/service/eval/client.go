// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"encoding/json"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
)

// Client has the variables of the expressions about a client whose token is valid. Not safe for
// concurrent use.
type Client struct {
	// Request is the first of the connection.
	Request Request
	// Namespace is what the client wants to connect to, and Params are the matches of its pattern.
	Namespace string
	Params    map[string]string
	// Claims are a JSON object, without space before it; nil for none.
	Claims json.RawMessage
	// claims are made for the first expression that uses them.
	claims ref.Val
}

var _ cel.Activation = (*Client)(nil)

// Condition evaluates to a bool.
func (c *Client) Condition(program cel.Program) (met bool, err error) {
	defer c.Request.budget.Recover(&err)
	result, _, err := program.Eval(c)
	if err != nil {
		return false, err
	}
	b, ok := result.(types.Bool)
	if !ok {
		return false, wrongType(result, "a bool")
	}
	return bool(b), nil
}

// Text evaluates to a string.
func (c *Client) Text(program cel.Program) (text string, err error) {
	defer c.Request.budget.Recover(&err)
	result, _, err := program.Eval(c)
	if err != nil {
		return "", err
	}
	s, ok := c.Request.budget.Computed(result).(types.String)
	if !ok {
		return "", wrongType(result, "a string")
	}
	return string(s), nil
}

// ResolveName returns the value of a variable.
func (c *Client) ResolveName(name string) (any, bool) {
	switch name {
	case expression.Claims:
		if c.claims == nil {
			claims := []byte(c.Claims)
			if len(claims) == 0 {
				claims = noClaims
			}
			c.claims = celvalue.FromJSON(claims, celvalue.Origin{Budget: &c.Request.budget})
		}
		return c.claims, true
	case expression.Socket:
		return celvalue.Object{Declared: expression.EntrantType, Field: c.socketField}, true
	default:
		return c.Request.ResolveName(name)
	}
}

func (c *Client) socketField(name string) ref.Val {
	switch name {
	case "namespace":
		return types.String(c.Namespace)
	case "params":
		return types.NewStringStringMap(types.DefaultTypeAdapter, c.Params)
	default:
		return nil
	}
}

// Parent returns nil: there are no other variables.
func (c *Client) Parent() cel.Activation { return nil }
