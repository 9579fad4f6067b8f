// SPDX-License-Identifier: Apache-2.0

package socketio

import "strings"

// withoutQuery is the name of a namespace as it may be logged. What clients put behind a question
// mark is how those of 2.x authenticate.
func withoutQuery(namespace string) string {
	name, _, _ := strings.Cut(namespace, "?")
	return name
}
