// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"fmt"
	"slices"
)

// JoinRule decides whether a socket may join additional rooms. An error says why not. It is called
// from any goroutine, while the socket's other joins wait: it must return soon, and must not let
// the socket join, leave or disconnect.
type JoinRule func(s *Socket, rooms []string) error

// SetJoinRule sets the rule for the rooms of the namespace on this server, and replaces the
// previous one; nil allows all rooms, as by default. Sockets stay in the rooms that they have
// joined. Nothing bypasses the rule:
//
//   - a Socket.Join, by whatever caller, joins all of its rooms or none;
//   - Broadcast.SocketsJoin and RemoteSocket.Join, also those of other servers, leave out the
//     sockets that may not be in all of the rooms;
//   - a returning client is asked about each of its rooms separately, with its present identity. It
//     does not return to rooms that it may not join any more, and does not receive what was sent to
//     them.
//
// The rule is not asked about the rooms of socket ids. For dynamic namespaces, set it in
// ParentNamespace.OnNamespace.
func (n *Namespace) SetJoinRule(rule JoinRule) {
	if rule == nil {
		n.joinRule.Store(nil)
		return
	}
	n.joinRule.Store(&rule)
}

// Join puts the socket into rooms: all of them, or none if the namespace's JoinRule forbids one. It
// returns the rule's error, or ErrDisconnected if the socket has disconnected. Otherwise it returns
// when events to the rooms reach the socket from all servers.
//
// A client whose socket is in more rooms than can be stored is not recovered; CheckJoin reports
// that.
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
// the socket join or leave. It is not called for the socket's own room.
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

// mayJoin asks the rule about the rooms that the socket is not in yet.
func (s *Socket) mayJoin(rooms []string) error {
	rule := s.namespace.joinRule.Load()
	if rule == nil {
		return nil
	}
	rooms = slices.DeleteFunc(slices.Clone(rooms), func(room string) bool {
		return s.isOwn(room) || s.namespace.adapter.Contains(s, room)
	})
	if len(rooms) == 0 {
		return nil
	}
	if err := (*rule)(s, rooms); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	return nil
}

// isOwn reports whether a room exists for the socket alone.
func (s *Socket) isOwn(room string) bool { return room == s.id || s.isAlias(room) }

// mayComeBackTo returns the function that decides about each room of a session that the socket
// takes over; nil allows all.
func (s *Socket) mayComeBackTo() func(room string) bool {
	rule := s.namespace.joinRule.Load()
	if rule == nil {
		return nil
	}
	return func(room string) bool {
		if s.isOwn(room) {
			return true
		}
		err := (*rule)(s, []string{room})
		if err != nil {
			s.namespace.server.log.Debug("a client comes back without a room", "socket", s.LogID(), "error", err)
		}
		return err == nil
	}
}
