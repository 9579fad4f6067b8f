// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/offset"
)

// memoryFound is the State of a Session.
type memoryFound struct{ offset uint64 }

// Keep begins a session.
func (k *memoryKeeper) Keep(s *Socket, kept func(pid string)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := &memorySession{pid: randomID(), socket: s, floor: k.number}
	k.byPID[n.pid], k.bySocket[s] = n, n
	kept(n.pid)
}

// Find looks a session up.
func (k *memoryKeeper) Find(pid, has string) (*Session, error) {
	k.mu.Lock()
	n := k.byPID[pid]
	if n == nil {
		k.mu.Unlock()
		return nil, nil
	}
	s, isAway, data, holder := n.socket, n.isAway, n.data, strconv.Itoa(n.takeovers)
	identity := s.Identity()
	k.mu.Unlock()
	if !isAway { // its connection is dead, and nobody has noticed
		var err error
		if data, err = s.EncodeData(); err != nil {
			s.tellUnkept(err)
			return nil, nil
		}
	}
	return &Session{
		PID: pid, SocketID: s.id, Identity: identity, Data: data, Holder: holder, State: memoryFound{offset.Parse(k.mark, has)},
	}, nil
}

// Recover hands a session over to a new socket.
func (k *memoryKeeper) Recover(s *Socket, session *Session) ([]*Delivery, uint64, error) {
	found, ok := session.State.(memoryFound)
	if !ok {
		return nil, 0, fmt.Errorf("recover a session of another keeper: %T", session.State)
	}
	missed, position, old, err := k.handOver(s, session.PID, found.offset, k.refusedRooms(session))
	if old != nil {
		old.Supersede()
	}
	return missed, position, err
}

// refusedRooms are those of a session that its client may not be in any more.
func (k *memoryKeeper) refusedRooms(session *Session) map[string]bool {
	if session.AllowsAll() {
		return nil
	}
	k.mu.Lock()
	var rooms []string
	if n := k.byPID[session.PID]; n != nil {
		rooms = k.roomsOf(n)
	}
	k.mu.Unlock()
	refused := map[string]bool{}
	for _, room := range rooms {
		if !session.Allows(room) {
			refused[room] = true
		}
	}
	return refused
}

// roomsOf are the rooms of a session. It is called with mu held.
func (k *memoryKeeper) roomsOf(n *memorySession) []string {
	if n.isAway {
		return k.away.RoomsOf(n.socket)
	}
	return k.RoomsOf(n.socket)
}

// isFor tells whether an event was meant for a socket in rooms, and not for those that it was in too.
func (e *keptEvent) isFor(rooms []string) bool {
	return e.Rooms == nil || slices.ContainsFunc(e.Rooms, func(room string) bool { return slices.Contains(rooms, room) })
}

// handOver returns the socket that had the session, too, if that is still there. Of refused rooms nothing is left: of what was missed
// only that remains which was meant for the whole namespace, or for one of the other rooms.
func (k *memoryKeeper) handOver(
	s *Socket, pid string, offset uint64, refused map[string]bool,
) (missed []*Delivery, position uint64, old *Socket, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.byPID[pid]
	if n == nil {
		return nil, 0, nil, ErrSessionEnded
	}
	if offset < n.floor || offset > k.number {
		offset = n.floor // it has got nothing yet, or does not know what
	}
	rooms := slices.DeleteFunc(k.roomsOf(n), func(room string) bool { return refused[room] })
	if !n.isAway {
		old = n.socket
	}
	k.detach(n)
	if offset < n.lost {
		delete(k.byPID, pid)
		return nil, 0, old, ErrTooMuchMissed
	}
	for _, e := range n.events {
		if e.Position > offset && (len(refused) == 0 || e.isFor(rooms)) {
			missed = append(missed, &e.Delivery)
		}
	}
	n.socket, n.isAway, n.data = s, false, nil
	n.takeovers++
	k.bySocket[s] = n
	k.Join(s, rooms...)
	return missed, k.number, old, nil
}

// detach takes a session from the socket or stand-in that has it. It is called with mu held.
func (k *memoryKeeper) detach(n *memorySession) {
	delete(k.bySocket, n.socket)
	if n.isAway {
		k.away.LeaveAll(n.socket)
		k.leavers.Remove(n.leaver)
		n.expiry.Stop()
		n.leaver, n.expiry = nil, nil
	}
}

// end is called with mu held.
func (k *memoryKeeper) end(n *memorySession) {
	k.detach(n)
	delete(k.byPID, n.pid)
}

// Save has nothing to do: data are read when they are needed.
func (k *memoryKeeper) Save(*Socket) {}

// Fits takes all: what is in memory is there already.
func (k *memoryKeeper) Fits(*Socket, []string, []byte) error { return nil }

// Settle need not wait: what is in memory is as safe as it gets.
func (k *memoryKeeper) Settle(_ *Socket, f func(error)) { f(nil) }

// Release ends a session, or keeps it for a while.
func (k *memoryKeeper) Release(s *Socket, recoverable bool) {
	var data []byte
	if recoverable {
		var err error
		if data, err = s.EncodeData(); err != nil { // calls the application: not with the lock
			s.tellUnkept(err)
			recoverable = false
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.bySocket[s]
	if n == nil {
		return
	}
	if !recoverable || k.closed {
		k.end(n)
		return
	}
	if k.leavers.Len() >= k.maxSessions {
		k.end(k.leavers.Front().Value.(*memorySession)) //nolint:forcetypeassert // there is nothing else
	}
	k.detach(n)
	standIn := &Socket{id: s.id} // keeps nothing of the connection
	standIn.restoreIdentity(s.Identity())
	n.socket, n.isAway, n.data = standIn, true, data
	n.leaver = k.leavers.PushBack(n)
	k.bySocket[standIn] = n
	k.away.Join(standIn, k.RoomsOf(s)...)
	n.expiry = time.AfterFunc(k.maxDisconnection, func() { k.expire(n, standIn) })
}

// expire ends a session whose client has been away for too long, unless it has come back.
func (k *memoryKeeper) expire(n *memorySession, standIn *Socket) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.bySocket[standIn] == n {
		k.end(n)
	}
}

// LeaveAll keeps the session of a socket that has recovered it, but whose connection was lost before it was connected.
func (k *memoryKeeper) LeaveAll(s *Socket) {
	k.mu.Lock()
	has := k.bySocket[s] != nil
	k.mu.Unlock()
	if has {
		k.Release(s, true)
	}
	k.Rooms.LeaveAll(s)
}

// Close ends the sessions of who is away; the others end with their sockets.
func (k *memoryKeeper) Close() error {
	k.mu.Lock()
	k.closed = true
	for k.leavers.Len() > 0 {
		k.end(k.leavers.Front().Value.(*memorySession)) //nolint:forcetypeassert // there is nothing else
	}
	k.mu.Unlock()
	return k.Rooms.Close()
}

// tellUnkept says in the log that the socket's client starts a new session when it comes back: with other data than it had it would
// not be the same.
func (s *Socket) tellUnkept(err error) {
	s.conn.server.log.Error("a socket's session ends, since its data cannot be kept", "socket", s.LogID(), "error", err)
}
