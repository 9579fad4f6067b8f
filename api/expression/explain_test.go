// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

func TestThePartsOfAnExpressionHaveTheirValues(t *testing.T) {
	for source, want := range map[string][]string{
		"args[0] in ['a', 'b'] && event != 'say'": {
			`0 args[0] in ["a", "b"] && event != "say": false`,
			`1 args[0] in ["a", "b"]: true`,
			`2 args[0]: "a"`,
			`2 ["a", "b"]: ["a", "b"]`,
			`1 event != "say": false`,
		},
		"args[0] == 'b' && args[1] == 1": {
			`0 args[0] == "b" && args[1] == 1: false`,
			`1 args[0] == "b": false`,
			`2 args[0]: "a"`,
			`1 args[1] == 1: none`,
			`2 args[1]: none`,
		},
		"args[7] == 1": {
			"0 args[7] == 1: error index out of bounds: 7",
			"1 args[7]: error index out of bounds: 7",
		},
		// What conversions are around is as it was written.
		"string(args[1]) + args[0] == '1a'": {
			`0 string(args[1]) + args[0] == "1a": true`,
			`1 string(args[1]) + args[0]: "1a"`,
			`2 string(args[1]): "1"`,
			`3 args[1]: 1.0`,
			`2 args[0]: "a"`,
		},
		"[3, 1].sort() == [1, 3] && args.exists(a, a == 'a')": {
			`0 [3, 1].sort() == [1, 3] && args.exists(a, a == "a"): true`,
			`1 [3, 1].sort() == [1, 3]: true`,
			`2 [3, 1].sort(): [1, 3]`,
			`3 [3, 1]: [3, 1]`,
			`2 [1, 3]: [1, 3]`,
			`1 args.exists(a, a == "a"): true`,
		},
		"event == 'a  b' || event == 'a string that is long enough for a line of its own, twice  over'": {
			`0 event == "a  b" || event == "a string that is long enough for a line of its own, twice  over": false`,
			`1 event == "a  b": false`,
			`1 event == "a string that is long enough for a line of its own, twice  over": false`,
		},
		"{'k': args[0]}.k == 'a'": {
			`0 {"k": args[0]}.k == "a": true`,
			`1 {"k": args[0]}.k: "a"`,
			`2 {"k": args[0]}: {"k": "a"}`,
			`3 args[0]: "a"`,
		},
	} {
		vars, err := cel.NewActivation(map[string]any{Event: "say", Args: []any{"a", 1.0}})
		if err != nil {
			t.Fatal(err)
		}
		parts, err := Explain(Condition, source, vars)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got := linesOf(parts); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", source, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		program, err := Compile(Condition, source)
		if err != nil {
			t.Fatal(err)
		}
		result, _, err := program.Eval(vars)
		if text(parts[0].Value) != text(result) && (err == nil || text(parts[0].Value) != "error "+err.Error()) {
			t.Errorf("%s is explained as %s, and a gateway has %v, %v", source, text(parts[0].Value), result, err)
		}
	}
}

func linesOf(parts []Part) []string {
	lines := make([]string, len(parts))
	for i, p := range parts {
		lines[i] = fmt.Sprintf("%d %s: %s", p.Depth, p.Text, text(p.Value))
	}
	return lines
}

// text prints a value shortly.
func text(v ref.Val) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case *types.Err:
		return "error " + v.String()
	}
	return types.Format(v)
}

func TestAnExpressionThatDoesNotCompileIsNotExplained(t *testing.T) {
	vars, err := cel.NewActivation(map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Explain(Condition, "args[", vars); err == nil {
		t.Error("it is explained")
	}
}
