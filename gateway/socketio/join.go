// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"fmt"
	"slices"
)

// JoinRule says whether a socket may be in rooms besides those that it is in. An error says why not. It is
// called while the socket's other joins wait, from any goroutine: it must return soon, and must not have the
// socket join, leave or disconnect.
type JoinRule func(s *Socket, rooms []string) error

// SetJoinRule puts a rule in force for the rooms of the namespace on this server, in place of the one before;
// nil allows all, as it is without one. What is joined already stays. Nothing gets around it:
//
//   - of the rooms of one Socket.Join, on whoever's behalf, all are joined or none;
//   - Broadcast.SocketsJoin and RemoteSocket.Join, also those of other servers, leave out the sockets that
//     may not be in all of the rooms;
//   - a client that comes back is asked for each of its rooms alone, as the user that it is now. It is not in
//     those that it may not be in any more, and does not get what was sent to them.
//
// The rooms of the sockets' own ids are none of its concern. For dynamic namespaces, set it in
// ParentNamespace.OnNamespace.
func (n *Namespace) SetJoinRule(rule JoinRule) {
	if rule == nil {
		n.joinRule.Store(nil)
		return
	}
	n.joinRule.Store(&rule)
}

// Join puts the socket into rooms: all of them, or none if the namespace's JoinRule does not allow one. That
// is its error, or ErrDisconnected for a socket that has gone. It returns when events to the rooms reach the
// socket from all servers.
//
// A client whose socket is in more rooms than can be kept is not recovered; CheckJoin tells.
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

// joinOwn puts the socket into rooms that are beyond all rules.
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

// isOwn tells whether a room exists for the socket alone.
func (s *Socket) isOwn(room string) bool { return room == s.id || s.isAlias(room) }

// mayComeBackTo is what is asked about each room of a session that the socket takes over; nil for all.
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
