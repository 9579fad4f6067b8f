// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"fmt"
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/handlers"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// JoinRule decides whether a socket may join additional rooms. An error says why not. It is called
// from any goroutine, while the socket's other joins wait: it must return soon, and must not let
// the socket join, leave or disconnect. It only judges: what is taken with a join is for Places.
type JoinRule func(s *Socket, rooms []string) error

// SetJoinRule sets the rule for the rooms of the namespace on this server, and replaces the
// previous one; nil allows all rooms, as by default. Sockets stay in the rooms that they have
// joined. Nothing bypasses the rule:
//
//   - a Socket.Join, by whatever caller, joins all of its rooms or none;
//   - Broadcast.SocketsJoin and RemoteSocket.Join, also those of other servers, leave out the
//     sockets that may not be in all of the rooms;
//   - a returning client is asked about each room that it is in, or has left, with its present
//     identity. It neither returns to what it may not join any more, nor receives what went there.
//
// The rule is not asked about the rooms of socket ids, and of users; see AddressUsers. For dynamic
// namespaces, set it in ParentNamespace.OnNamespace.
func (n *Namespace) SetJoinRule(rule JoinRule) { n.doors.SetRule(rule) }

// Places bound rooms; see SetPlaces. Their functions are called as a JoinRule is.
type Places = handlers.Places[*Socket]

// SetPlaces sets what sockets take with rooms that they join, or return to, once the JoinRule
// allows these; with nil, as by default, they take nothing.
func (n *Namespace) SetPlaces(p *Places) { n.doors.SetPlaces(p) }

// Join puts the socket into rooms: all of them, or none if the namespace's JoinRule forbids one. It
// returns the rule's error, or ErrDisconnected if the socket has disconnected. Otherwise it returns
// when events to the rooms reach the socket from all servers.
//
// A client whose socket is in more rooms than can be stored is not recovered; see CheckJoin.
func (s *Socket) Join(rooms ...string) error {
	s.joining.Lock()
	defer s.joining.Unlock()
	if s.state.Load() > stateConnected {
		return ErrDisconnected
	}
	if err := s.mayJoin(rooms); err != nil {
		return err
	}
	s.namespace.adapter.Join(s, rooms...)
	return nil
}

// LeaveWhere removes the socket from the rooms for which f returns true, while none of its joins is
// pending: after SetJoinRule, every join that the previous rule allowed is over. f must not make
// the socket join or leave. It is not called for the rooms of the socket and its user.
func (s *Socket) LeaveWhere(f func(room string) bool) {
	s.joining.Lock()
	defer s.joining.Unlock()
	for _, room := range s.Rooms() {
		if !s.isOwn(room) && f(room) {
			s.Leave(room)
		}
	}
}

// joinOwn puts the socket into rooms without asking the rule.
func (s *Socket) joinOwn(rooms []string) {
	s.joining.Lock()
	defer s.joining.Unlock()
	if s.state.Load() <= stateConnected {
		s.namespace.adapter.Join(s, rooms...)
	}
}

// mayJoin asks about the rooms that the socket is not in yet.
func (s *Socket) mayJoin(rooms []string) error {
	if err := userroom.Check(rooms, func() string { return s.Identity().Room() }); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if s.namespace.doors.AreOpen() {
		return nil
	}
	rooms = slices.DeleteFunc(slices.Clone(rooms), func(room string) bool {
		return s.isOwn(room) || s.namespace.adapter.Contains(s, room)
	})
	if len(rooms) == 0 {
		return nil
	}
	if err := s.namespace.doors.Enter(s, rooms); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	return nil
}

// isOwn reports whether a room exists for the socket alone, or for users.
func (s *Socket) isOwn(room string) bool {
	return room == s.id || userroom.Is(room) || s.isAlias(room)
}

// mayComeBackTo returns the functions for Session.Restrict.
func (s *Socket) mayComeBackTo() (own, allows func(room string) bool, enters func(rooms []string) []bool) {
	own = func(room string) bool {
		return s.isOwn(room) && (!userroom.Is(room) || room == s.Identity().Room())
	}
	allows, enters = s.namespace.doors.ComeBack(s, userroom.Is, func(err error) {
		s.namespace.server.log.Debug("a client comes back without a room", s.LogAttr(), "error", err)
	})
	return own, allows, enters
}
