// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"github.com/realtime-operator/realtime-operator/gateway/limits"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// errManyConnections refuses a client whose user has as many connections as are allowed.
var errManyConnections = &socketio.ConnectError{
	Message: "Too many connections", Data: map[string]string{"code": "too_many_connections"},
}

// LimitsConnections reports whether rules, which may be nil, bound the connections of users.
func LimitsConnections(r *limits.Rules) bool { return r != nil && r.Connections > 0 }

// Enter counts the connection of a client whose user is known, and refuses it if the user has too
// many. It is called while the socket connects.
func (k *Keeper) Enter(m *Meter, r *limits.Rules, s *socketio.Socket) error {
	key, ok := userOf(s)
	if !ok {
		return nil
	}
	m.entered.Store(true)
	if k.Users.Enter(key, seatOf(s), r.Connections) {
		return nil
	}
	k.exceeded(limits.LimitConnections, r.ConnectionsAudit, s)
	if !r.ConnectionsAudit {
		return errManyConnections
	}
	k.Users.Enter(key, seatOf(s), 0)
	return nil
}

// EnterLate counts a connection that is there already, whatever the limit is: it was made before
// there was one.
func (k *Keeper) EnterLate(m *Meter, r *limits.Rules, s *socketio.Socket) {
	if !LimitsConnections(r) || m.entered.Load() {
		return
	}
	key, ok := userOf(s)
	if !ok {
		return
	}
	m.entered.Store(true)
	k.Users.Enter(key, seatOf(s), 0)
	if !s.Connected() { // End may have been too early to undo it
		k.Users.Leave(key, seatOf(s))
	}
}

func seatOf(s *socketio.Socket) limits.Seat {
	return limits.Seat{Connection: s.Connection(), Socket: s, ID: s.ID(), Returning: s.Recovered()}
}
