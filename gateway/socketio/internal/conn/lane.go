// SPDX-License-Identifier: Apache-2.0

package conn

import "github.com/realtime-operator/realtime-operator/gateway/socketio/internal/turn"

// maxKept is how many sockets a connection keeps that have left their namespace; see Lane.socket. Without a bound, a
// client could pile them up in dynamic namespaces.
const maxKept = 64

// Lane is one namespace of a connection. What the client sends for it has its turn one at a time and in order, whatever takes long in
// others.
type Lane[S Socket] struct {
	turn turn.Turn
	// name is that of the namespace; empty while the lane is nobody's.
	name string
	// socket is the one that was let in last. One that has been disconnected stays until the client connects anew, so that what was
	// on its way then is ignored and not an offence. Guarded by the connection's mu.
	socket S
	// connecting: a CONNECT has its turn, of a client that may be let in. Guarded by the connection's mu.
	connecting bool
	// size is that of the packet which has its turn, about. Who has the turn alone uses it.
	size int32
}

// alive tells whether the client is in the namespace, or about to be. The connection's mu is held.
func (l *Lane[S]) alive() bool {
	return l.connecting || l.taken() && l.socket.Alive()
}

// taken tells whether a socket was let in. The connection's mu is held.
func (l *Lane[S]) taken() bool {
	var none S
	return l.socket != none
}

// laneSet is a connection's lanes by the names of their namespaces. Most connections have one, which needs no map.
type laneSet[S Socket] struct {
	first  Lane[S]
	others map[string]*Lane[S]
}

// get is the lane of a namespace; nil if there is none.
func (s *laneSet[S]) get(name string) *Lane[S] {
	if s.first.name == name {
		return &s.first
	}
	return s.others[name]
}

// open is get, but makes the lane.
func (s *laneSet[S]) open(name string) *Lane[S] {
	if l := s.get(name); l != nil {
		return l
	}
	if s.first.name == "" {
		s.first.name = name
		return &s.first
	}
	if s.others == nil {
		s.others = map[string]*Lane[S]{}
	}
	if len(s.others) >= maxKept {
		s.closeUnused()
	}
	l := &Lane[S]{name: name}
	s.others[name] = l
	return l
}

// close forgets a lane, unless the client has been let into the namespace, or may be now. What has been left there still has its turn.
func (s *laneSet[S]) close(l *Lane[S]) {
	switch {
	case l.taken() || l.connecting:
	case l == &s.first:
		l.name = ""
	case s.others[l.name] == l:
		delete(s.others, l.name)
	}
}

// closeUnused forgets the lanes of sockets that have left, but for the first. Only who takes the client's packets makes lanes, and looks
// for them, so nothing is on its way to one that is free.
func (s *laneSet[S]) closeUnused() {
	for name, l := range s.others {
		if !l.alive() && l.turn.Free() {
			delete(s.others, name)
		}
	}
}

// all lists them.
func (s *laneSet[S]) all() []*Lane[S] {
	lanes := make([]*Lane[S], 0, 1+len(s.others))
	if s.first.name != "" {
		lanes = append(lanes, &s.first)
	}
	for _, l := range s.others {
		lanes = append(lanes, l)
	}
	return lanes
}

// sockets lists those that were let in.
func (s *laneSet[S]) sockets() []S {
	sockets := make([]S, 0, 1+len(s.others))
	if s.first.taken() {
		sockets = append(sockets, s.first.socket)
	}
	for _, l := range s.others {
		if l.taken() {
			sockets = append(sockets, l.socket)
		}
	}
	return sockets
}

// joined tells whether the client has been let into a namespace.
func (s *laneSet[S]) joined() bool {
	if s.first.taken() {
		return true
	}
	for _, l := range s.others {
		if l.taken() {
			return true
		}
	}
	return false
}

// alive is how many namespaces the client is in, or about to be.
func (s *laneSet[S]) alive() int {
	n := 0
	if s.first.alive() {
		n++
	}
	for _, l := range s.others {
		if l.alive() {
			n++
		}
	}
	return n
}
