// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
)

// The time of a match of a regular expression is, at worst, the length of the text times the size
// of the expression. A repetition such as a{1000} is as large as a thousand times an a.

const (
	// maxPattern is the size of the largest regular expression, in steps.
	maxPattern = 10_000
	// parseWork is the cost of parsing a character of an expression. Three of them may name a class
	// of some hundred ranges.
	parseWork = 400
	// patternWork is the cost of compiling a step.
	patternWork = 64
	// stepsPerUnit is the number of steps of a match that cost a unit.
	stepsPerUnit = 2
)

// patternSize returns the approximate number of steps of a compiled expression.
func patternSize(re *syntax.Regexp) int {
	size := 1
	switch re.Op {
	case syntax.OpLiteral:
		size = len(re.Rune)
	case syntax.OpCharClass:
		size += len(re.Rune) / 16
	}
	for _, sub := range re.Sub {
		size += patternSize(sub)
		if size > maxPattern {
			return size
		}
	}
	if re.Op == syntax.OpRepeat {
		size *= max(1, re.Min, re.Max)
	}
	return size
}

// compilePattern compiles an expression that is not too large, and returns its size.
func compilePattern(pattern string) (*regexp.Regexp, int, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, 0, err
	}
	size := patternSize(parsed)
	if size > maxPattern {
		return nil, size, fmt.Errorf("the regular expression %.64q is too large: it has more than %d steps", pattern, maxPattern)
	}
	compiled, err := regexp.Compile(pattern)
	return compiled, size, err
}

// match is a call of matches. It is no InterpretableCall, since the planner would replace that.
type match struct {
	interpreter.InterpretableV2 // the text
	id                          int64
	pattern                     interpreter.InterpretableV2
	// compiled is the compiled pattern if it is a literal, of that size.
	compiled *regexp.Regexp
	size     int
}

func boundedMatch(call interpreter.InterpretableCall) (interpreter.InterpretableV2, error) {
	m := &match{InterpretableV2: call.Args()[0], id: call.ID(), pattern: call.Args()[1]}
	literal, ok := m.pattern.(interpreter.InterpretableConst)
	if !ok {
		return m, nil
	}
	pattern, ok := literal.Value().(types.String)
	if !ok {
		return m, nil
	}
	var err error
	m.compiled, m.size, err = compilePattern(string(pattern))
	return m, err
}

// ID returns the id of the call.
func (m *match) ID() int64 { return m.id }

// Exec matches.
func (m *match) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := m.InterpretableV2.Exec(frame)
	if types.IsUnknownOrError(v) {
		return v
	}
	compiled, size, b := m.compiled, m.size, budgetOf(frame)
	if compiled == nil {
		p := m.pattern.Exec(frame)
		if types.IsUnknownOrError(p) {
			return p
		}
		pattern, ok := p.(types.String)
		if !ok {
			return types.LabelErrNode(m.id, types.MaybeNoSuchOverloadErr(p))
		}
		b.Charge(len(pattern) * parseWork)
		var err error
		if compiled, size, err = compilePattern(string(pattern)); err != nil {
			return types.LabelErrNode(m.id, types.WrapErr(err))
		}
		b.Charge(size * patternWork)
	}
	text, ok := v.(types.String)
	if !ok {
		return types.LabelErrNode(m.id, types.MaybeNoSuchOverloadErr(v))
	}
	b.Charge(size * (len(text) + 1) / stepsPerUnit)
	return types.Bool(compiled.MatchString(string(text)))
}

// Eval matches.
func (m *match) Eval(vars interpreter.Activation) ref.Val { return m.Exec(interpreter.AsFrame(vars)) }
