// SPDX-License-Identifier: Apache-2.0

package service

import (
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// deepEvent has twice the same value: elements within depth objects and lists.
func deepEvent(depth, elements int) socketio.Args {
	open, end := strings.Repeat(`{"a":[`, depth/2), strings.Repeat(`]}`, depth/2)
	value := open + strings.TrimSuffix(strings.Repeat(`"xx",`, elements), ",") + end
	return socketio.Args{JSON: []byte(`[` + value + `,` + value + `]`)}
}

func TestWorkIsProportionalToTheSizeOfAnEvent(t *testing.T) {
	const elements = 3000
	for _, source := range []string{
		"args", "args[0]", "{'v': args[0]}", "args.map(x, x)", "args[0] == args[1]", "args[1] in [args[0]]",
		"sets.contains(args, [args[1]])", "args.distinct()", "args.flatten()", "args.reverse()", "size(args[0])",
	} {
		spent := func(event socketio.Args) int {
			b, err := emitted(t, source, event)
			if err != nil {
				t.Fatalf("%s: %v", source, err)
			}
			return b.Spent()
		}
		flat, deep, long := spent(deepEvent(2, elements)), spent(deepEvent(500, elements)), spent(deepEvent(2, 4*elements))
		if deep > 2*flat+500*100 {
			t.Errorf("%s costs %d units flat, and %d deep", source, flat, deep)
		}
		if long > 5*flat {
			t.Errorf("%s costs %d units, and %d for an event four times as long", source, flat, long)
		}
	}
}
