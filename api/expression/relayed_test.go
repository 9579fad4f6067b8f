// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// fromClient is a relayed scalar.
type fromClient struct {
	ref.Val
	source string
}

func (v *fromClient) Computed() ref.Val { return v.Val }
func (v *fromClient) Source() []byte    { return []byte(v.source) }
func (v *fromClient) Compared() ref.Val {
	if f, ok := v.Val.(types.Double); ok {
		return Exact([]byte(v.source), float64(f))
	}
	return v.Val
}

// A call with relayed operands has the value that it has with CEL's own: no function of the
// language meets a relayed value that it cannot take.
func TestEveryFunctionTakesRelayedValues(t *testing.T) {
	env, err := eventEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	number, text := &fromClient{types.Double(1), "1.0"}, &fromClient{types.String("ab"), `"\u0061b"`}
	relayed := []ref.Val{number, text, list(number, &fromClient{types.Double(2), "2.0"}), list(text), types.NewRefValMap(types.DefaultTypeAdapter, map[ref.Val]ref.Val{types.String("ab"): text})}
	native := []ref.Val{types.Double(1), types.String("ab"), list(types.Double(1), types.Double(2)), list(types.String("ab")), types.NewRefValMap(types.DefaultTypeAdapter, map[ref.Val]ref.Val{types.String("ab"): types.String("ab")})}
	tried := 0
	for name, function := range env.Functions() {
		if strings.Contains(name, "@") || slices.Contains([]string{operators.Index, operators.Conditional, "lists.range"}, name) {
			continue
		}
		for _, overload := range function.OverloadDecls() {
			for _, source := range calls(name, overload.IsMemberFunction(), overload.ArgTypes()) {
				want, wantErr := evaluate(t, source, native)
				got, err := evaluate(t, source, relayed)
				tried++
				switch {
				case (err == nil) != (wantErr == nil):
					t.Errorf("%s (%s): %v, want %v", source, overload.ID(), err, wantErr)
				case err == nil && Computed(got).Equal(Computed(want)) != types.True:
					t.Errorf("%s (%s) is %v, want %v", source, overload.ID(), got, want)
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d calls were tried", tried)
	}
}

func list(values ...ref.Val) traits.Lister {
	return types.NewRefValList(types.DefaultTypeAdapter, values)
}

// calls are calls of an overload, by what a client can send of each type.
func calls(name string, member bool, operands []*cel.Type) []string {
	sources := []string{""}
	for i, t := range operands {
		var next []string
		for _, so := range sources {
			for _, operand := range samples(t) {
				switch {
				case i == 0:
					next = append(next, operand)
				default:
					next = append(next, so+"\x00"+operand)
				}
			}
		}
		sources = next
	}
	for i, source := range sources {
		sources[i] = call(name, member, strings.Split(source, "\x00"))
	}
	return sources
}

func call(name string, member bool, operands []string) string {
	symbol, isOperator := operators.FindReverse(name)
	switch {
	case isOperator && len(operands) == 2:
		return fmt.Sprintf("(%s %s %s)", operands[0], symbol, operands[1])
	case isOperator:
		return symbol + operands[0]
	case member:
		return fmt.Sprintf("(%s).%s(%s)", operands[0], name, strings.Join(operands[1:], ", "))
	}
	return fmt.Sprintf("%s(%s)", name, strings.Join(operands, ", "))
}

func samples(t *cel.Type) []string {
	switch t.Kind() {
	case types.DoubleKind:
		return []string{"args[0]", "(true ? args[0] : 1.0)"}
	case types.StringKind:
		return []string{"args[1]", "(true ? args[1] : '')", "'ab'"}
	case types.BoolKind:
		return []string{"true"}
	case types.IntKind:
		return []string{"1"}
	case types.UintKind:
		return []string{"1u"}
	case types.BytesKind:
		return []string{"b'x'"}
	case types.TimestampKind:
		return []string{"now"}
	case types.DurationKind:
		return []string{"duration('1s')"}
	case types.ListKind:
		return []string{"args[2]", "args[3]", "[args[1]]", "args[3].map(x, x)"}
	case types.MapKind:
		return []string{"args[4]"}
	default:
		return []string{"args[0]", "args[1]", "args[2]", "args[4]"}
	}
}

func evaluate(t *testing.T, source string, args []ref.Val) (ref.Val, error) {
	t.Helper()
	program, err := Compile(Value, source)
	if err != nil {
		if strings.Contains(err.Error(), "convert operands") {
			t.Errorf("%s: %v", source, err)
		}
		return nil, err
	}
	v, _, err := program.Eval(map[string]any{Args: list(args...), Now: types.Timestamp{Time: time.UnixMilli(0)}})
	return v, err
}

// FuzzAppendNumber compares with encoding/json, which writes numbers as ECMAScript does.
func FuzzAppendNumber(f *testing.F) {
	for _, seed := range []float64{0, 1e-7, 1e21, 1.5e300, 5e-324, 123456789012345680000} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, number float64) {
		want, err := json.Marshal(number)
		if err != nil || number == 0 {
			return // JSON has neither infinity nor NaN, and keeps the sign of zero
		}
		if got := AppendNumber(nil, number); string(got) != string(want) {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestNumbersReadAsInJavaScript(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 3: "3", -1.5: "-1.5", 1234567: "1234567", 1e20: "100000000000000000000", 1e21: "1e+21", 1e-6: "0.000001", 1e-7: "1e-7",
		1 << 53: "9007199254740992", 0.30000000000000004: "0.30000000000000004",
	} {
		if got := string(AppendNumber(nil, f)); got != want {
			t.Errorf("%g reads %s, want %s", f, got, want)
		}
	}
}
