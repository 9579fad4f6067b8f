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

// Keep makes a copy of a value that can be stored. Lists and maps of an event would keep the whole
// event in memory.
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

// readings is the number of forms in which expressions may read a stored value. Each is made once.
// The event that stores the value pays for them, because any later event may be the first to need
// them.
const readings = 3

// readingWork returns the work of reading all of a value, which is valid JSON.
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
