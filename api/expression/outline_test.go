// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"strings"
	"testing"
)

func TestCompileOutline(t *testing.T) {
	tests := []struct{ source, want string }{
		{"args", "var args"},
		{"now", "var now"},
		{"args[0]", "arg 0"},
		{"args[12]", "arg 12"},
		{"args[-1]", "?"},
		{"args[args.size() - 1]", "?"},
		{"args[0][1]", "?"},
		{"socket.data.name", "data name"},
		{"has(socket.data.name)", "?"},
		{"socket.data.name.first", "?"},
		{"socket.id", "?"},
		{"socket.handshake.auth", "?"},
		{"'x'", "const x"},
		{"-1.5", "const -1.5"},
		{"[]", "[]"},
		{"[args[1], 'x', [true, now]]", "[arg 1, const x, [const true, var now]]"},
		{"[{'b': args[0], 'a': args.size() + 1}]", "[{a: ?, b: arg 0}]"},
		{"[{'a': 1, 'a': 2}]", "[?]"},
		{"[{args[0]: 1}]", "[?]"},
		{"args.map(args, args)", "?"},
		{"[args.map(x, x + 1)]", "[?]"},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			out, err := CompileOutline(Value, tt.source)
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(&out); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func describe(o *Outline) string {
	switch {
	case o.Program == nil:
		return "no program"
	case o.Constant != nil:
		return fmt.Sprint("const ", o.Constant.Value())
	case o.Variable != "":
		return "var " + o.Variable
	case o.Argument:
		return fmt.Sprint("arg ", o.Index)
	case o.Data != "":
		return "data " + o.Data
	case o.List != nil:
		var parts []string
		for i := range o.List {
			parts = append(parts, describe(&o.List[i]))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case o.Map != nil:
		var parts []string
		for i := range o.Map {
			parts = append(parts, o.Map[i].Name+": "+describe(&o.Map[i].Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "?"
}
