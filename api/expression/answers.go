// SPDX-License-Identifier: Apache-2.0

package expression

import "strings"

// NeedsAnswers tells whether an expression about an event, which compiles, sees the
// acknowledgements of clients, so that it has a meaning only behind an emit that asks for them.
func NeedsAnswers(source string) bool {
	if !strings.Contains(source, Answers) && !strings.Contains(source, Missing) {
		return false // as nearly all
	}
	env, err := unansweredEnvironment()
	if err != nil {
		return false // Compile has said so
	}
	_, issues := env.Compile(source)
	return issues.Err() != nil
}
