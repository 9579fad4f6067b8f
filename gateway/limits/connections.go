// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"hash/fnv"
	"slices"
	"time"
)

const (
	// refreshBeats is after how many heartbeats the connections of users are reported again: ten
	// seconds.
	refreshBeats = 4
	// expireAfter is how long the connections of another gateway count that are not reported again.
	expireAfter = 25 * time.Second
	// SettledAfter is how long after a connection has ended elsewhere it is no longer counted here,
	// if messages arrive.
	SettledAfter = 2 * exchangeInterval
)

// Seat is a socket of a user.
type Seat struct {
	// Connection and Socket are comparable: the connection, with which others of the user's sockets
	// may share it, and the socket.
	Connection, Socket any
	// ID is that of the socket, which a client that comes back keeps.
	ID string
	// Returning: the client comes back to its session.
	Returning bool
}

// connection is a connection of a user to this gateway.
type connection struct {
	on      any
	id      uint64 // of the first of the sockets
	sockets []any
}

// report has the connections of a user to another gateway.
type report struct {
	gateway string
	ids     []uint64
	heard   int64
}

func idOf(socket string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(socket))
	return h.Sum64()
}

// SetRules sets the rules by which connections are judged, and that of sharing.
func (u *Users) SetRules(r *Rules) {
	if r == nil {
		r = &Rules{}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rules = r
}

// Enter counts a socket, once. It returns false, and counts nothing, if that would be one more than
// the most connections that the user may have; with 0 there is no limit. A client that comes back
// takes the place that it has, if that is still counted anywhere.
func (u *Users) Enter(key Key, s Seat, most int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	user := u.user(key)
	for i := range user.connections {
		if c := &user.connections[i]; c.on == s.Connection {
			if !slices.Contains(c.sockets, s.Socket) {
				c.sockets = append(c.sockets, s.Socket)
			}
			return true
		}
	}
	id := idOf(s.ID)
	if most > 0 {
		ids := u.idsOf(user)
		if len(ids) >= most && !(s.Returning && slices.Contains(ids, id)) {
			u.letGo(user)
			return false
		}
	}
	user.connections = append(user.connections, connection{on: s.Connection, id: id, sockets: []any{s.Socket}})
	u.reportConnections(user)
	return true
}

// Leave ends what Enter has begun. It has no effect for a socket that is not counted.
func (u *Users) Leave(key Key, s Seat) {
	u.mu.Lock()
	defer u.mu.Unlock()
	user := u.byKey[key]
	if user == nil {
		return
	}
	i := slices.IndexFunc(user.connections, func(c connection) bool { return c.on == s.Connection })
	if i < 0 {
		return
	}
	c := &user.connections[i]
	c.sockets = slices.DeleteFunc(c.sockets, func(other any) bool { return other == s.Socket })
	if len(c.sockets) > 0 {
		return
	}
	user.connections = slices.Delete(user.connections, i, i+1)
	u.reportConnections(user)
	u.letGo(user)
}

// idsOf returns what identifies the connections of a user on all gateways. A client that has come
// back, and is still counted where it was, is there once. The lock is held.
func (u *Users) idsOf(user *User) []uint64 {
	ids := make([]uint64, 0, len(user.connections))
	for _, c := range user.connections {
		ids = append(ids, c.id)
	}
	for _, r := range u.elsewhere[user.key] {
		ids = append(ids, r.ids...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// reportConnections tells others of the connections of a user if that matters, and that there are
// none if it no longer does. The lock is held.
func (u *Users) reportConnections(user *User) {
	n := int(u.gateways.Load())
	if u.rules.Connections == 0 && !user.reported {
		return
	}
	matters := len(u.elsewhere[user.key]) > 0 || len(user.connections) > u.rules.Connections/n
	switch {
	case matters:
		u.exchange.reportConnections(user.key, user.connections)
	case user.reported:
		u.exchange.reportConnections(user.key, nil)
	}
	user.reported = matters && len(user.connections) > 0
}

// learn takes what another gateway reports of a user's connections. The lock is held.
func (u *Users) learn(key Key, gateway string, ids []uint64, now int64) {
	reports := slices.DeleteFunc(u.elsewhere[key], func(r report) bool { return r.gateway == gateway })
	if len(ids) > 0 {
		reports = append(reports, report{gateway, ids, now})
	}
	u.setReports(key, reports)
	if user := u.byKey[key]; user != nil && !user.reported && len(user.connections) > 0 {
		u.reportConnections(user)
	}
}

func (u *Users) setReports(key Key, reports []report) {
	if len(reports) == 0 {
		delete(u.elsewhere, key)
		return
	}
	u.elsewhere[key] = reports
}

// Lost forgets the connections of a gateway that is lost.
func (u *Users) Lost(gateway string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forget(func(r report) bool { return r.gateway == gateway })
}

// forget is called with the lock held.
func (u *Users) forget(which func(report) bool) {
	for key, reports := range u.elsewhere {
		u.setReports(key, slices.DeleteFunc(reports, which))
	}
}

// SetGateways is called when gateways come or go, with how many there are, with this one. Each has
// another share then.
func (u *Users) SetGateways(n int) {
	if u.gateways.Swap(int64(n)) == int64(n) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refresh()
}

// Beat is called at each heartbeat of gateways.
func (u *Users) Beat() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.beats++; u.beats%refreshBeats != 0 {
		return
	}
	now := u.Now()
	u.forget(func(r report) bool { return now-r.heard > int64(expireAfter) })
	for _, user := range u.idle {
		u.letGo(user)
	}
	u.refresh()
}

// refresh reports all connections that matter. The lock is held.
func (u *Users) refresh() {
	if u.gateways.Load() < 2 {
		return
	}
	for _, user := range u.byKey {
		if len(user.connections) > 0 || user.reported {
			u.reportConnections(user)
		}
	}
}
