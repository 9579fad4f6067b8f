// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/backlog"
)

// SessionKeeper is an Adapter that stores sockets and the events that they miss while their clients
// are away. Its methods may be called from any goroutine.
type SessionKeeper interface {
	Adapter
	// Keep begins to store a socket that is in the room of its id. It calls kept exactly once, at
	// once or later and perhaps in another goroutine, with the socket's private id when the session
	// is stored. An empty id means that the socket cannot be recovered. kept must not block.
	Keep(s *Socket, kept func(pid string))
	// Find returns the session with a private id; nil if there is none that could be recovered. The
	// offset is that of the last event that the client has received; it may be empty, and must not
	// be trusted. An error means that the keeper cannot tell now.
	Find(pid, offset string) (*Session, error)
	// Recover makes a socket of this server, whose id is the session's, the only one of the
	// session, and ends any other. It puts the socket into those of its rooms that it may enter
	// (Session.Enter). The other ones, those that it had left and that are not allowed
	// (Session.Allows), and what was sent to them are no longer part of the session. It returns the
	// missed events, in order, up to a position; the socket holds what comes after it. Others may
	// have missed the same deliveries, which must not be changed. The error is ErrUnavailable if
	// the client may try again.
	Recover(s *Socket, session *Session) (missed []*Delivery, position uint64, err error)
	// Save stores a socket's data, which have changed. It does not wait.
	Save(s *Socket)
	// Fits returns an error if a socket could no longer be stored with these additional rooms, or
	// with these data, as encoded by Recovery.EncodeData; nil data are the present ones.
	Fits(s *Socket, joined []string, data []byte) error
	// Release ends a session: for good, or until the client asks for it. The socket is still in its
	// rooms. It does not wait.
	Release(s *Socket, recoverable bool)
	// Settle calls f exactly once, at once or soon and perhaps in another goroutine, when the
	// outcome of all changes of the socket until now (rooms, data) and of all events emitted until
	// now is known. The error is nil if the changes are stored; otherwise it says why they are not,
	// or why the keeper cannot tell. The receipts of events are resolved before f is called. f must
	// not block.
	Settle(s *Socket, f func(error))
}

// keeper returns the namespace's adapter if sockets can be recovered, nil otherwise.
func (n *Namespace) keeper() SessionKeeper {
	if n.server.recovery == nil {
		return nil
	}
	k, _ := n.adapter.(SessionKeeper)
	return k
}

var errManyRooms = errors.New("the connection would be in too many rooms")

// Recovered reports whether the client has come back after a loss of its connection. The socket
// then has the id, the rooms and the data that it had before.
func (s *Socket) Recovered() bool { return s.recovered }

// Recoverable reports whether the client could be recovered if its connection were lost now.
func (s *Socket) Recoverable() bool { return s.Connected() && s.pid != "" }

// CheckJoin is for rooms that clients choose, for example in a JoinRule: it returns an error if
// additional rooms exceed Limits.Rooms or Limits.RoomNameBytes, or cannot be stored for recovery.
// Join without a rule joins them nevertheless, but then the client can no longer be recovered.
func (s *Socket) CheckJoin(rooms ...string) error {
	most := s.limits().RoomNameBytes
	for _, room := range rooms {
		if len(room) > most {
			return fmt.Errorf("the name of a room has %d bytes, and may have %d", len(room), most)
		}
	}
	if left, bounded := s.RoomsLeft(); bounded && len(rooms) > left {
		return fmt.Errorf("the connection may be in %d more rooms, and these are %d", max(0, left), len(rooms))
	}
	if k := s.namespace.keeper(); k != nil {
		return k.Fits(s, rooms, nil)
	}
	return nil
}

// CheckData is for SetData what CheckJoin is for Join: it returns an error if the value cannot be
// encoded, takes more than Limits.DataBytes, or cannot be stored for recovery.
func (s *Socket) CheckData(v any) error {
	if v == nil {
		return nil
	}
	data, err := s.encodeData(v)
	if err != nil {
		return err
	}
	if most := s.limits().DataBytes; len(data) > most {
		return fmt.Errorf("the socket's data take %d bytes, more than %d", len(data), most)
	}
	if k := s.namespace.keeper(); k != nil {
		return k.Fits(s, nil, data)
	}
	return nil
}

// EncodeData returns the socket's data as encoded by Recovery.EncodeData; nil if there are none.
func (s *Socket) EncodeData() ([]byte, error) { return s.encodeData(s.Data()) }

func (s *Socket) encodeData(data any) ([]byte, error) {
	if data == nil {
		return nil, nil
	}
	b, err := s.namespace.server.recovery.Encode(data)
	if err != nil {
		return nil, fmt.Errorf("encode the data of socket %s: %w", s.id, err)
	}
	return b, nil
}

func (s *Socket) restoreData(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	data, err := s.namespace.server.recovery.Decode(b)
	s.data = data
	return err
}

// resume tells a returning client that it is connected, then sends what it has missed, and then
// what was held meanwhile. CONNECT goes first, since a connected client stores the offset of each
// event that it receives: if the connection is lost again, the client asks for the rest. Stock
// clients buffer events that arrive before CONNECT, without their offsets and even beyond the end
// of the connection, and would receive those twice. It runs in the socket's turn.
func (s *Socket) resume(b *backlog.Missed) {
	if !s.welcomeBack(b) {
		s.abandon()
		s.namespace.remove(s)
		return
	}
	s.announce()
}

// welcomeBack returns false if the socket has been superseded. As in welcome, a socket counts as
// connected after a panic.
func (s *Socket) welcomeBack(b *backlog.Missed) bool {
	codec := s.namespace.server.codec
	g := s.gate.Load()
	s.welcoming.Lock()
	defer s.welcoming.Unlock()
	if !s.state.CompareAndSwap(stateConnecting, stateWelcoming) {
		return false
	}
	defer s.state.Store(stateConnected)
	s.conn.Welcome(s.namespace.name, s.id, s.pid)
	// If the session has closed, OnClose reports it.
	_ = s.conn.Session().SendBacklog(func() []*engineio.Message { return b.Next(codec) })
	g.Open(b.Position(), s.conn.Session())
	s.gate.Store(nil)
	return true
}

// Supersede ends a socket whose session is recovered elsewhere, and its connection. It calls no
// handler, since the client is connected, by another connection. If the socket is still connecting,
// only its connection is ended: the code that connects it then stops, or reports the end to the
// client and the handlers.
func (s *Socket) Supersede() {
	if !s.state.CompareAndSwap(stateConnecting, stateClosed) && s.state.CompareAndSwap(stateConnected, stateClosing) {
		s.abandonAcks()
		s.endContext()
		s.leaveRooms(func() {})
		s.namespace.remove(s)
	}
	s.conn.Session().Close(ReasonTransportClose)
}

// Interrupt closes the socket's connection as if the network had failed: its client reconnects.
func (s *Socket) Interrupt() { s.InterruptFor(ending.ForcedClose) }

// InterruptFor is Interrupt, counted by a cause.
func (s *Socket) InterruptFor(c ending.Cause) { s.conn.Session().Interrupt(ReasonTransportClose, c) }
