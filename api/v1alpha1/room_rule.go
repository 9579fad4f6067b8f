// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"slices"
)

// AccessCondition is a condition of a RoomAccess, with the name of its field.
//
// +kubebuilder:object:generate=false
type AccessCondition struct {
	Name      string
	Condition Expression
}

// Conditions lists those that are set, in the order of the fields. Nil has none.
func (a *RoomAccess) Conditions() []AccessCondition {
	if a == nil {
		return nil
	}
	return slices.DeleteFunc([]AccessCondition{
		{"join", a.Join}, {"leave", a.Leave}, {"emit", a.Emit}, {"history", a.History}, {"presence", a.Presence},
	}, func(c AccessCondition) bool { return c.Condition == "" })
}
