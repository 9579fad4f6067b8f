// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/offset"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
)

// found is the State of a session.
type found struct{ offset uint64 }

// Keep creates the session of a socket.
func (k *Sessions[S]) Keep(s S, kept func(pid string)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := &session[S]{pid: k.config.NewID(), socket: s, floor: k.number}
	k.byPID[n.pid], k.bySocket[s] = n, n
	kept(n.pid)
}

// Find finds a session.
func (k *Sessions[S]) Find(pid, has string) (*client.Session, error) {
	k.mu.Lock()
	n := k.byPID[pid]
	if n == nil {
		k.mu.Unlock()
		return nil, nil
	}
	s, was, holder := n.socket, n.left, strconv.Itoa(n.takeovers)
	k.mu.Unlock()
	if was == nil { // its connection is dead, which has not been noticed yet
		var err error
		if was, err = leftBy(s); err != nil {
			k.config.Unkept(s, err)
			return nil, nil
		}
	}
	return &client.Session{
		PID: pid, SocketID: was.socketID, Identity: was.identity, Data: was.data, Holder: holder,
		State: found{offset.Parse(k.mark, has)},
	}, nil
}

// leftBy returns what a socket leaves behind. It calls the application, and must be called without
// the lock.
func leftBy[S Socket](s S) (*left, error) {
	data, err := s.EncodeData()
	if err != nil {
		return nil, err
	}
	return &left{socketID: s.ID(), identity: s.Identity(), data: data}, nil
}

// Recover hands a session over to a new socket.
func (k *Sessions[S]) Recover(s S, session *client.Session) ([]*event.Delivery, uint64, error) {
	state, ok := session.State.(found)
	if !ok {
		return nil, 0, fmt.Errorf("recover a session of another keeper: %T", session.State)
	}
	missed, position, old, err := k.handOver(s, session.PID, state.offset, k.refusedRooms(session))
	var none S
	if old != none {
		old.Supersede()
	}
	return missed, position, err
}

// refusedRooms returns the rooms of a session that its client may not be in any more.
func (k *Sessions[S]) refusedRooms(session *client.Session) map[string]bool {
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
		refused[room] = true
	}
	for _, room := range session.Enter(rooms...) {
		delete(refused, room)
	}
	return refused
}

// roomsOf returns the rooms of a session. It is called with mu held.
func (k *Sessions[S]) roomsOf(n *session[S]) []string {
	if n.left != nil {
		return k.away.RoomsOf(n)
	}
	return k.config.Rooms.RoomsOf(n.socket)
}

// handOver also returns the socket that had the session, if it still exists. Refused rooms are
// dropped, and so are missed events, unless they were addressed to the whole namespace or to one of
// the other rooms.
func (k *Sessions[S]) handOver(
	s S, pid string, offset uint64, refused map[string]bool,
) (missed []*event.Delivery, position uint64, old S, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.byPID[pid]
	if n == nil {
		return nil, 0, old, client.ErrSessionEnded
	}
	if offset < n.floor || offset > k.number {
		offset = n.floor // it has received nothing yet, or does not know what
	}
	rooms := slices.DeleteFunc(k.roomsOf(n), func(room string) bool { return refused[room] })
	old = n.socket
	k.detach(n)
	if offset < n.lost {
		delete(k.byPID, pid)
		return nil, 0, old, client.ErrTooMuchMissed
	}
	for _, e := range n.events {
		if e.Position > offset && (len(refused) == 0 || e.isFor(rooms)) {
			missed = append(missed, &e.Delivery)
		}
	}
	n.socket = s
	n.takeovers++
	k.bySocket[s] = n
	k.config.Rooms.Join(s, rooms...)
	return missed, k.number, old, nil
}

// detach removes a session from the socket that has it, or from those that are away. It is called
// with mu held.
func (k *Sessions[S]) detach(n *session[S]) {
	if n.left != nil {
		k.away.LeaveAll(n)
		k.leavers.Remove(n.left.place)
		n.left.expiry.Stop()
		n.left = nil
		return
	}
	delete(k.bySocket, n.socket)
	var none S
	n.socket = none // a client that is away keeps nothing of its connection alive
}

// end is called with mu held.
func (k *Sessions[S]) end(n *session[S]) {
	k.detach(n)
	delete(k.byPID, n.pid)
}

// endFirst ends the session whose client has been away for the longest. It is called with mu held.
func (k *Sessions[S]) endFirst() {
	k.end(k.leavers.Front().Value.(*session[S])) //nolint:forcetypeassert // there is nothing else
}

// Save does nothing: data are read when they are needed.
func (k *Sessions[S]) Save(S) {}

// Fits always succeeds: the data are in memory already.
func (k *Sessions[S]) Fits(S, []string, []byte) error { return nil }

// Settle does not wait: memory is all there is.
func (k *Sessions[S]) Settle(_ S, f func(error)) { f(nil) }

// Release ends a session, or keeps it for a while.
func (k *Sessions[S]) Release(s S, recoverable bool) {
	var was *left
	if recoverable {
		var err error
		if was, err = leftBy(s); err != nil {
			k.config.Unkept(s, err)
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
	if k.leavers.Len() >= k.config.MaxSessions {
		k.endFirst()
	}
	rooms := k.config.Rooms.RoomsOf(s)
	k.detach(n)
	k.away.Join(n, rooms...)
	was.place = k.leavers.PushBack(n)
	was.expiry = time.AfterFunc(k.config.MaxDisconnection, func() { k.expire(n, was) })
	n.left = was
}

// expire ends a session whose client has been away for too long, unless it has come back.
func (k *Sessions[S]) expire(n *session[S], was *left) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n.left == was {
		k.end(n)
	}
}

// HasSession reports whether the socket has a session.
func (k *Sessions[S]) HasSession(s S) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.bySocket[s] != nil
}

// EndAll ends the sessions of clients that are away. Sockets that leave later keep none.
func (k *Sessions[S]) EndAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	for k.leavers.Len() > 0 {
		k.endFirst()
	}
}
