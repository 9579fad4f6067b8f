// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
	"slices"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

// Keep makes of a value what can be stored: lists and maps as JSON of their own, since those of an event hold on to the whole
// event.
func Keep(v ref.Val, b *expression.Budget) (ref.Val, error) {
	switch v := v.(type) {
	case types.String:
		return types.String(strings.Clone(string(v))), nil
	case types.Bytes:
		return slices.Clone(v), nil
	case *rawScalar:
		return v.clone(), nil
	case types.Null, types.Bool, types.Int, types.Uint, types.Double, types.Timestamp, types.Duration:
		return v, nil
	}
	args, err := Encode(v, b)
	if err != nil {
		return nil, err
	}
	b.Charge(readings * readingWork(args.JSON))
	return FromJSON(args.JSON, Origin{Attachments: args.Attachments}), nil
}

// readings are the forms in which expressions may look into a stored value. Each is made once, for
// whatever event needs it first.
const readings = 3

// readingWork is what a look at all that is in a value of valid JSON costs.
func readingWork(raw []byte) int {
	work := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			end := jsonscan.StringEnd(raw, i)
			work += (end - i) / 16
			i = end - 1
		case ',', '[':
			work += valueWork
		case ':', '{':
			work += memberWork
		}
	}
	return work
}
