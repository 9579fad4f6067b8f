// SPDX-License-Identifier: Apache-2.0

package wire

import "strings"

// LoggedSubject returns a subject in a form for logs. The subject of an event to the id that a 2.x
// client takes for its socket's has the id of the client's session, a bearer secret: the part that
// proves that a gateway made it is omitted.
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
