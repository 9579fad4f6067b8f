// SPDX-License-Identifier: Apache-2.0

package conn

import "github.com/realtime-operator/realtime-operator/gateway/socketio/internal/turn"

// maxKept is how many sockets that have left their namespace a connection keeps; see Lane.socket.
// Without a bound, a client could accumulate them in dynamic namespaces.
const maxKept = 64

// Lane is one namespace of a connection. The client's packets for it are handled one at a time and
// in order, independently of other namespaces.
type Lane[S Socket] struct {
	turn turn.Turn
	// name is the name of the namespace; empty while the lane is free.
	name string
	// socket is the socket that was let in last. A socket that was disconnected stays until the
	// client connects again, so that packets that the client sent before it knew are ignored and no
	// violation. Guarded by the connection's mu.
	socket S
	// connecting reports whether a CONNECT is being handled that may be accepted. Guarded by the
	// connection's mu.
	connecting bool
	// size is the approximate size of the packet that is being handled. Only the goroutine that has
	// the turn uses it.
	size int32
}

// alive reports whether the client is in the namespace, or about to be. The connection's mu is
// held.
func (l *Lane[S]) alive() bool {
	return l.connecting || l.taken() && l.socket.Alive()
}

// taken reports whether a socket was let in. The connection's mu is held.
func (l *Lane[S]) taken() bool {
	var none S
	return l.socket != none
}

// laneSet has a connection's lanes by the names of their namespaces. Most connections have one,
// which needs no map.
type laneSet[S Socket] struct {
	first  Lane[S]
	others map[string]*Lane[S]
}

// get returns the lane of a namespace; nil if there is none.
func (s *laneSet[S]) get(name string) *Lane[S] {
	if s.first.name == name {
		return &s.first
	}
	return s.others[name]
}

// open returns the lane of a namespace, and creates it if there is none.
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

// close removes a lane, unless the client has been let into the namespace, or still may be. Packets
// that wait in the lane are still handled.
func (s *laneSet[S]) close(l *Lane[S]) {
	switch {
	case l.taken() || l.connecting:
	case l == &s.first:
		l.name = ""
	case s.others[l.name] == l:
		delete(s.others, l.name)
	}
}

// closeUnused removes the lanes of sockets that have left, except the first. Only the goroutine
// that reads the client's packets creates and finds lanes, so no packet is on its way to a free
// one.
func (s *laneSet[S]) closeUnused() {
	for name, l := range s.others {
		if !l.alive() && l.turn.Free() {
			delete(s.others, name)
		}
	}
}

// all returns all lanes.
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

// sockets returns the sockets that were let in.
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

// inhabited reports whether the client is in a namespace.
func (s *laneSet[S]) inhabited() bool {
	if s.first.taken() && s.first.socket.Alive() {
		return true
	}
	for _, l := range s.others {
		if l.taken() && l.socket.Alive() {
			return true
		}
	}
	return false
}

// joined reports whether the client has ever been let into a namespace.
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

// alive returns the number of namespaces that the client is in, or about to be.
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
