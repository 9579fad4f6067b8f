// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
)

// Late is a group of variables that have a meaning only after an action of the same handler.
type Late int

const (
	// LateAnswers are Answers and Missing, after an emit that asks for acknowledgements.
	LateAnswers Late = iota
	// LateJoined is Joined, after a joinOneOf.
	LateJoined
	// LateCounts is Counts, after a count.
	LateCounts
	// LateRevision is Revision, after an emit with ifRevision.
	LateRevision
	// Lates is the number of groups.
	Lates
)

// lateVariables have the types of the groups' variables.
var lateVariables = [Lates]map[string]*types.Type{
	LateAnswers: {Answers: types.NewListType(types.NewListType(types.DynType)), Missing: types.BoolType},
	LateJoined:  {Joined: types.StringType},
	LateCounts:  {Counts: types.NewMapType(types.StringType, types.IntType)},

	LateRevision: {Revision: types.UintType},
}

// withoutLate are the environments that lack one of the groups.
var withoutLate = func() (all [Lates]func() (*cel.Env, error)) {
	for without := range Lates {
		all[without] = sync.OnceValues(func() (*cel.Env, error) { return lateEnvironment(without) })
	}
	return all
}()

// lateEnvironment returns the environment of expressions about an event with all groups but one;
// Lates: with all.
func lateEnvironment(without Late) (*cel.Env, error) {
	early, err := earlyEnvironment()
	if err != nil {
		return nil, err
	}
	var variables []cel.EnvOption
	for late, group := range lateVariables {
		for name, t := range group {
			if Late(late) != without {
				variables = append(variables, cel.Variable(name, t))
			}
		}
	}
	return early.Extend(variables...)
}

// Needs reports whether an expression about an event, which compiles, uses one of the variables of
// a group.
func Needs(late Late, source string) bool {
	mentioned := false
	for name := range lateVariables[late] {
		mentioned = mentioned || strings.Contains(source, name)
	}
	if !mentioned {
		return false // like nearly all
	}
	env, err := withoutLate[late]()
	if err != nil {
		return false // Compile has reported it
	}
	_, issues := env.Compile(source)
	return issues.Err() != nil
}
