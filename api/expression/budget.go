// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"

	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
)

// WorkLimit is the work that the expressions of one event may do together, in units of 20 ns at
// most: 20 ms of CPU time. docs/reference/expressions.md lists the costs.
const WorkLimit = 1_000_000

// Budget counts the work of all expressions that are evaluated for one event, or for one handshake.
// The zero value allows WorkLimit units; nil counts nothing. It counts instead of reading a clock,
// so that an event has the same outcome on every gateway, however busy that is. Not safe for
// concurrent use.
type Budget struct {
	limit int // 0: WorkLimit
	spent int
	// searched are the lists in which `in` has searched; see searchedList.
	searched map[ref.Val]*set
}

// NewBudget returns a budget of another size.
func NewBudget(limit int) Budget { return Budget{limit: limit} }

// Spent returns the work that was charged, in units.
func (b *Budget) Spent() int { return b.spent }

// Charge pays for work before it is done. If the budget does not cover it, Charge panics: an error
// value would not end an evaluation, since || and && absorb errors. Eval recovers, and so does
// Recover.
func (b *Budget) Charge(units int) {
	if b == nil {
		return
	}
	b.spent += units
	if b.spent > b.most() {
		panic(interpreter.EvalCancelledError{Cause: interpreter.CostLimitExceeded, Message: (&WorkError{Limit: b.most()}).Error()})
	}
}

// ChargeBytes pays for a function that reads or writes n bytes one by one.
func (b *Budget) ChargeBytes(n int) { b.Charge(n / bytesPerUnit) }

// ChargeCopy pays for copying or scanning n bytes.
func (b *Budget) ChargeCopy(n int) { b.Charge(n / copiedPerUnit) }

const (
	bytesPerUnit  = 3
	copiedPerUnit = 16
)

func (b *Budget) most() int {
	if b.limit == 0 {
		return WorkLimit
	}
	return b.limit
}

// WorkError is the error of an expression that needs more work than its event has left.
type WorkError struct {
	// Source is the expression; empty if something else has needed it, such as the encoder.
	Source string
	// Limit is the work that the event may cause, in units.
	Limit int
}

func (e *WorkError) Error() string {
	text := fmt.Sprintf("the expressions of this event do more work than the %d units that an event may cost", e.Limit)
	if e.Source == "" {
		return text
	}
	return fmt.Sprintf("%s, in %.256q", text, e.Source)
}

// Recover turns the panic of a Charge outside of an evaluation into an error. It is deferred.
func (b *Budget) Recover(err *error) {
	switch p := recover().(type) {
	case nil:
	case interpreter.EvalCancelledError:
		*err = &WorkError{Limit: b.most()}
	default:
		panic(p)
	}
}
