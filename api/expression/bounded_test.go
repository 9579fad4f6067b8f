// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// counted are variables with a budget.
func counted(b *Budget, args ...ref.Val) cel.Activation {
	vars, err := cel.NewActivation(map[string]any{Args: list(args...)})
	if err != nil {
		panic(err)
	}
	return alone{vars, b}
}

// spent is the work of an expression, which must end well.
func spent(t *testing.T, source string, args ...ref.Val) int {
	t.Helper()
	program, err := Compile(Value, source)
	if err != nil {
		t.Fatal(err)
	}
	b := NewBudget(1 << 40)
	if _, _, err := program.Eval(counted(&b, args...)); err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return b.Spent()
}

func TestWorkGrowsWithTheSizeOfWhatIsVisited(t *testing.T) {
	const n = 1000
	for _, source := range []string{
		"args[0].all(x, x > 0.0)",
		"args[0].exists(x, x > 1.0e6)",
		"args[0].exists_one(x, x == 7.0)",
		"args[0].map(x, x + 1.0)",
		"args[0].filter(x, x > 2.0)",
		"args[0].distinct()",
		"args[0].distinct().distinct()",
		"sets.contains(args[0], args[0])",
		"sets.intersects(args[0], args[1])",
		"sets.equivalent(args[0], args[0])",
		"args[0].reverse()",
		"[args[0], args[0]].flatten()",
		"args[0].map(x, string(x)).join(',').split(',').distinct()",
	} {
		short := spent(t, source, numbers(n), numbers(1))
		long := spent(t, source, numbers(10*n), numbers(1))
		if long > 12*short || long < 5*n {
			t.Errorf("%s costs %d units for %d elements, and %d for %d", source, short, n, long, 10*n)
		}
	}
}

func TestLoopsWithinEachOtherPayForEveryRound(t *testing.T) {
	once := spent(t, "args[0].map(x, x)", numbers(100))
	if nested := spent(t, "args[0].map(x, args[0].map(y, y))", numbers(100)); nested < 100*(once-100) {
		t.Errorf("100 loops of %d units cost %d", once, nested)
	}
}

func TestExpressionsOfAnEventShareItsBudget(t *testing.T) {
	program, err := Compile(Condition, "args[0].exists(x, x < 0.0)")
	if err != nil {
		t.Fatal(err)
	}
	var b Budget
	vars := counted(&b, numbers(10_000))
	runs := 0
	for {
		_, _, err = program.Eval(vars)
		if err != nil {
			break
		}
		runs++
	}
	var overwork *WorkError
	if !errors.As(err, &overwork) || overwork.Source != "args[0].exists(x, x < 0.0)" || overwork.Limit != WorkLimit {
		t.Fatalf("error %v", err)
	}
	if runs < 2 || runs > 10 {
		t.Errorf("it ran %d times", runs)
	}
	if _, _, err := program.Eval(vars); !errors.As(err, &overwork) {
		t.Errorf("one more run: error %v", err)
	}
}

// An error in an operand of || is forgotten if the other is true. That the work is used up is not.
func TestNothingAbsorbsTheLimit(t *testing.T) {
	for _, source := range []string{
		"args[0].all(x, args[0].all(y, y == 0.0 || x != y + 0.5)) || true",
		"args[0].distinct().distinct().distinct().distinct().distinct().size() == 0 || true",
	} {
		program, err := Compile(Condition, source)
		if err != nil {
			t.Fatal(err)
		}
		var overwork *WorkError
		if _, _, err := program.Eval(counted(&Budget{}, numbers(40_000))); !errors.As(err, &overwork) {
			t.Errorf("%s: error %v", source, err)
		}
	}
}

func TestWhatNeverFitsIsRefused(t *testing.T) {
	for source, refused := range map[string]bool{
		"lists.range(1000000)":                                             true,
		"lists.range(10000)":                                               false,
		"lists.range(100000).map(x, x * 2)":                                true,
		"lists.range(300).map(x, lists.range(300).map(y, x + y))":          true,
		"lists.range(300).map(x, args).map(y, lists.range(300).map(z, z))": true,
		"args.map(x, lists.range(1000000))":                                false, // args may be empty
		"size(args) > 3 ? lists.range(1000000) : []":                       false,
		"lists.range(100000).exists(x, x == 1)":                            false, // ends early
		"'a'.matches('(a{1000}){20}')":                                     true,
		"'a'.matches('a{1000}b{1000}c{1000}d{1000}e{1000}f{1000}g{1000}h{1000}i{1000}j{1000}k{1000}')": true,
		"'a'.matches('^[a-z]{1,200}$')": false,
	} {
		if _, err := Compile(Value, source); (err != nil) != refused {
			t.Errorf("%s: error %v", source, err)
		}
	}
}

func TestNestedLiteralsAreRefused(t *testing.T) {
	nested := func(open, inner, end string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	for name, source := range map[string]string{
		"lists": nested("[", "1", "]", 200), "maps": nested("{'a': ", "1", "}", 200), "loops": nested("args.map(x, ", "1", ")", 40),
	} {
		if _, err := Compile(Value, source); err == nil || !strings.Contains(err.Error(), "within each other") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, source := range []string{
		nested("[", "1", "]", 32), nested("args.map(x, ", "1", ")", 32), nested("args.exists(x, ", "true", ")", 60),
	} {
		if _, err := Compile(Value, source); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// constant are the functions that take constant time, or what their operands' types bound.
var constant = []string{
	"!_", "-_", "_%_", "_*_", "_-_", "_/_", "_&&_", "_||_", "_?_:_", "_[_]", "in", "_in_", "@not_strictly_false", "__not_strictly_false__",
	"dyn", "type", "first", "last", "@first", "@last",
	"math.abs", "math.bitAnd", "math.bitNot", "math.bitOr", "math.bitShiftLeft", "math.bitShiftRight", "math.bitXor", "math.ceil",
	"math.floor", "math.isFinite", "math.isInf", "math.isNaN", "math.round", "math.sign", "math.sqrt", "math.trunc",
	string(toLoop), string(toScalar), string(toSpelled),
}

func TestEveryFunctionHasItsPrice(t *testing.T) {
	env, err := eventEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	for name := range env.Functions() {
		if charges[name] == nil && implementations[name] == nil && name != "matches" && !slices.Contains(constant, name) {
			t.Errorf("%s has no price", name)
		}
	}
}

// Functions of our own yield what those of cel-go do.
func TestOwnFunctionsAgreeWithCEL(t *testing.T) {
	env, err := eventEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	values := []string{
		"1", "1.0", "1u", "-1", "0.0", "-0.0", "9007199254740993", "9007199254740992.0", "18446744073709551615u", "0.0/0.0", "'a'", "'b'", "b'a'",
		"true", "null", "[1]", "[1.0]", "[[1, 2u], 'a']", "{'a': 1, 'b': [2]}", "{'b': [2.0], 'a': 1u}", "{1: 'a'}", "{1u: 'a'}",
		"timestamp('2026-01-01T00:00:00Z')", "duration('1s')", "int", "'x'",
	}
	for i, x := range values {
		for j, y := range values[:i+1] {
			lists := fmt.Sprintf("dyn([%s, %s, %s])", x, y, values[(i+j)%len(values)])
			source := "[" + strings.Join([]string{
				fmt.Sprintf("dyn(%s) == dyn(%s)", x, y), fmt.Sprintf("dyn(%s) != dyn(%s)", x, y),
				fmt.Sprintf("dyn(%s) in %s", x, lists), lists + ".distinct().size() == 3",
				fmt.Sprintf("sets.contains(%s, [dyn(%s)])", lists, x), fmt.Sprintf("sets.intersects(%s, [dyn(%s)])", lists, y),
				fmt.Sprintf("sets.equivalent(%s, [dyn(%s), dyn(%s)])", lists, x, y),
			}, ", ") + "]"
			checked, issues := env.Compile(source)
			if issues.Err() != nil {
				t.Fatal(source, issues.Err())
			}
			plain, err := env.Program(checked)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := Compile(Value, source)
			if err != nil {
				t.Fatal(err)
			}
			want, _, err := plain.Eval(map[string]any{})
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := ours.Eval(map[string]any{})
			if err != nil || got.Equal(want) != types.True {
				t.Errorf("%s is %v (%v), want %v", source, got, err, want)
			}
		}
	}
}

// A list that is searched again is searched by a hash table, with the same outcome.
func TestASearchInARoundIsTheSearchOutside(t *testing.T) {
	many := numbers(200)
	for _, source := range []string{"[3.0, 3, 3u, 500, 'x', 0.0/0.0].map(x, x in args[0])", "[[3.0], [7]].map(x, x in args[0].map(y, [y]))"} {
		program, err := Compile(Value, source)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := program.Eval(counted(&Budget{}, many))
		if err != nil {
			t.Fatal(err)
		}
		want := "[true true true false false false]"
		if strings.HasPrefix(source, "[[") {
			want = "[true true]"
		}
		if fmt.Sprint(got.Value()) != want {
			t.Errorf("%s is %v, want %s", source, got.Value(), want)
		}
	}
}

func numbers(n int) ref.Val {
	values := make([]ref.Val, n)
	for i := range values {
		values[i] = types.Double(i + 1)
	}
	return list(values...)
}

// BenchmarkLoop takes as long for an element of any list.
func BenchmarkLoop(b *testing.B) {
	program, err := Compile(Condition, "args.all(x, x > 0)")
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprintf("elements=%d", n), func(b *testing.B) {
			args := map[string]any{Args: numbers(n)}
			for b.Loop() {
				if _, _, err := program.Eval(args); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/element")
		})
	}
}
