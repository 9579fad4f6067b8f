// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// loopRounds counts the rounds in which the tracker has found, and dropped, what the one before has
// left: the values of its condition and of its step. The third is that of the round's own condition.
type loopRounds struct{ dropped int }

func (l *loopRounds) CallCost(function, _ string, found []ref.Val, _ ref.Val) *uint64 {
	if function == string(toLoop) && len(found) == 3 {
		l.dropped++
	}
	return nil
}

func TestALoopLeavesNothingBehind(t *testing.T) {
	const n = 50
	for source, want := range map[string]int{
		"args.all(x, x > 0)":                            n - 1,
		"args.exists(x, x > 1000)":                      n - 1,
		"args.exists_one(x, x == 7)":                    n - 1,
		"args.map(x, x + 1.0)":                          n - 1,
		"args.filter(x, x > 2)":                         n - 1,
		"args.map(x, args.filter(y, y > x))":            n - 1 + n*(n-1),
		"args.all(x, args.exists(y, y == x || y == 0))": n - 1,
	} {
		env, checked, err := check(Value, source)
		if err != nil {
			t.Fatal(err)
		}
		rounds := &loopRounds{}
		program, err := env.PlanProgram(checked.NativeRep(), cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit),
			cel.CostTracking(rounds), withoutResidue(checked.NativeRep()))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := program.Eval(map[string]any{Args: numbers(n)}); err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if rounds.dropped < want {
			t.Errorf("%s has dropped what %d rounds have left, want %d", source, rounds.dropped, want)
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
	for _, n := range []int{100, 1000, 10_000, 100_000} {
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
