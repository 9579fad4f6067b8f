// SPDX-License-Identifier: Apache-2.0

package wire

import "strings"

// LoggedSubject is a subject as it may be logged. That of an event to the id that a 2.x client
// takes for its socket's has the id of the client's session, a bearer secret: what proves that a
// gateway made it is left out.
func LoggedSubject(subject string) string {
	head, id := subject, ""
	if i := strings.LastIndexByte(subject, '.'); i >= 0 {
		head, id = subject[:i+1], subject[i+1:]
	}
	if len(id) != SessionIDLength || !strings.Contains(head, ".socket.") {
		return subject
	}
	return head + id[:SocketIDLength] + "…"
}
