// SPDX-License-Identifier: Apache-2.0

package service

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
)

// memberVariables are what presenceInfo sees.
type memberVariables struct {
	variables
	room string
}

var _ cel.Activation = (*memberVariables)(nil)

// ResolveName gives the value of a variable.
func (v *memberVariables) ResolveName(name string) (any, bool) {
	if name == expression.Room {
		return celvalue.Object{Declared: expression.RoomType, Field: v.roomField}, true
	}
	return v.variables.ResolveName(name)
}

func (v *memberVariables) roomField(name string) ref.Val {
	if name == "name" {
		return types.String(v.room)
	}
	return nil
}
