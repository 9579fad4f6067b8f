// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"time"

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
// many. It is called while the socket connects. A refusal is in doubt; see Doubted.
func (k *Keeper) Enter(m *Meter, r *limits.Rules, s *socketio.Socket) error {
	key, ok := userOf(s)
	if !ok {
		return nil
	}
	m.entered.Store(true)
	switch {
	case k.Users.Enter(key, seatOf(s), r.Connections):
		return nil
	case !r.ConnectionsAudit:
		return &doubt{keeper: k, rules: r, key: key, socket: s}
	}
	k.exceeded(limits.LimitConnections, true, s)
	k.Users.Enter(key, seatOf(s), 0)
	return nil
}

// doubt is the refusal of a client of whose user a connection may have ended that is still counted,
// perhaps the client's own: it has just left another gateway, or its page was loaded again. A stock
// client does not try again after a refusal. So it is let in as soon as there is a place, and
// refused only after all gateways have had the time to report.
type doubt struct {
	keeper *Keeper
	rules  *limits.Rules
	key    limits.Key
	socket *socketio.Socket
}

// Error returns the refusal.
func (d *doubt) Error() string { return errManyConnections.Error() }

// looks is how often a client in doubt is judged again.
const looks = 10

// wait returns the refusal if it stands, and nil once there is a place.
func (d *doubt) wait() error {
	ticker := time.NewTicker(limits.SettledAfter / looks)
	defer ticker.Stop()
	ended := d.socket.ConnectionContext().Done()
	for range looks {
		select {
		case <-ticker.C:
		case <-ended:
			return errManyConnections
		}
		if d.keeper.Users.Enter(d.key, seatOf(d.socket), d.rules.Connections) {
			return nil
		}
	}
	d.keeper.exceeded(limits.LimitConnections, false, d.socket)
	return errManyConnections
}

// Doubted returns a function that waits until a refusal by Enter is certain, and returns it, or nil
// if there was a place. Any other error it returns itself, which may be nil.
func Doubted(refused error) (wait func() error, err error) {
	if d, ok := refused.(*doubt); ok { //nolint:errorlint // it comes from Enter, unwrapped
		return d.wait, nil
	}
	return nil, refused
}

// Settled waits until a refusal by Enter is certain, and returns it, or nil if there was a place.
func Settled(refused error) error {
	if wait, _ := Doubted(refused); wait != nil {
		return wait()
	}
	return refused
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
