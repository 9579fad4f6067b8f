// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
)

// argumentList returns the event's arguments as a list.
func (v *Variables) argumentList() ref.Val {
	if v.ArgList == nil {
		v.ArgList = celvalue.FromJSON(v.Args.JSON, celvalue.Origin{Attachments: v.Args.Attachments, Budget: &v.Budget})
	}
	return v.ArgList
}

// argument returns the JSON of an argument of the event; nil if there is none.
func (v *Variables) argument(index int) []byte {
	list, at := v.Args.JSON, &v.lastArgument
	if len(list) == 0 {
		return nil
	}
	if at.end == 0 || index < at.index {
		*at = argumentPosition{index: -1, end: jsonscan.First(list, 0)}
	}
	for at.index < index {
		start := jsonscan.Next(list, at.end)
		if list[start] == ']' {
			return nil
		}
		*at = argumentPosition{at.index + 1, start, jsonscan.ValueEnd(list, start)}
		v.Budget.ChargeCopy(at.end - at.start)
	}
	return list[at.start:at.end]
}

// argumentPosition is the position of an argument in the event's JSON. The search for a later one
// starts there.
type argumentPosition struct{ index, start, end int }
