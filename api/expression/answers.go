// SPDX-License-Identifier: Apache-2.0

package expression

import "strings"

// NeedsAnswers reports whether an expression about an event, which compiles, uses the
// acknowledgements of clients, so that it has a meaning only after an emit that asks for them.
func NeedsAnswers(source string) bool {
	if !strings.Contains(source, Answers) && !strings.Contains(source, Missing) {
		return false // like nearly all
	}
	env, err := unansweredEnvironment()
	if err != nil {
		return false // Compile has reported it
	}
	_, issues := env.Compile(source)
	return issues.Err() != nil
}
