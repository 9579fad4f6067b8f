// SPDX-License-Identifier: Apache-2.0

package socketio

// LogID names the socket in logs. It is ID, which is no secret.
func (s *Socket) LogID() string { return s.id }
