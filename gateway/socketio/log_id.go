// SPDX-License-Identifier: Apache-2.0

package socketio

// LogID names the socket in logs. It is ID, except for a client of 1.x or 2.x, whose id contains the
// session's id, a bearer secret: there it is the session's LogID, behind the namespace.
func (s *Socket) LogID() string {
	if !s.conn.isV2() {
		return s.id
	}
	return s.namespace.name + "#" + s.conn.session.LogID()
}
