// SPDX-License-Identifier: Apache-2.0

package service

import (
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
)

// argumentList is the event's arguments as a list.
func (v *variables) argumentList() ref.Val {
	if v.argList == nil {
		v.argList = celvalue.FromJSON(v.args.JSON, celvalue.Origin{Attachments: v.args.Attachments, Budget: &v.budget})
	}
	return v.argList
}

// argument is the JSON of one of the event's; nil if there is no such one.
func (r *run) argument(index int) []byte {
	list, at := r.args.JSON, &r.found
	if len(list) == 0 {
		return nil
	}
	if at.end == 0 || index < at.index {
		*at = argument{index: -1, end: jsonscan.First(list, 0)}
	}
	for at.index < index {
		start := jsonscan.Next(list, at.end)
		if list[start] == ']' {
			return nil
		}
		*at = argument{at.index + 1, start, jsonscan.ValueEnd(list, start)}
		r.budget.ChargeCopy(at.end - at.start)
	}
	return list[at.start:at.end]
}

// argument is where an argument of an event is. The search for a later one goes on behind it.
type argument struct{ index, start, end int }
