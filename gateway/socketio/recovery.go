// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/backlog"
)

// SessionKeeper is an Adapter that keeps what sockets are, and what they miss, while their clients are away. Its methods may
// be called from any goroutine.
type SessionKeeper interface {
	Adapter
	// Keep begins to keep a socket that is in the room of its id. It calls a function exactly once, now or later and perhaps in
	// another goroutine, with the socket's private id when it is safe. Without one, the socket cannot be recovered. The function must
	// not block.
	Keep(s *Socket, kept func(pid string))
	// Find is the session that a client left with a private id; nil if there is none that could be recovered. The offset is what
	// the client has got last, perhaps empty, and not to be trusted. Its error is that nobody can tell now.
	Find(pid, offset string) (*Session, error)
	// Recover makes a socket of this server, whose id is the session's, the session's only one, wherever it was before. It puts
	// the socket into those of its rooms that the session allows (Session.Allows); of the others, nothing is part
	// of the session any more, nor of what was missed. It returns what it has missed, in order, up to a position; what comes behind it is held
	// by the socket already. Others may have missed the same deliveries: nobody changes them. Where it may be tried again, the error is
	// ErrUnavailable.
	Recover(s *Socket, session *Session) (missed []*Delivery, position uint64, err error)
	// Save keeps a socket's data, which have changed. It does not wait.
	Save(s *Socket)
	// Fits returns an error if a socket could not be kept any more with these rooms too, or with these data, as Recovery.EncodeData
	// has written them; nil data are those that it has.
	Fits(s *Socket, joined []string, data []byte) error
	// Release ends a session: for good, or until the client asks for it. The socket is in its rooms yet. It does not wait.
	Release(s *Socket, recoverable bool)
	// Settle calls a function exactly once, now or soon and perhaps in another goroutine, when the outcome of all that the
	// socket has changed until now (rooms, data) and of all events emitted until now is known. The error is nil if the
	// changes are stored; otherwise it says why they are not, or why the keeper cannot tell. Whether events are stored is
	// told to their receipts, before f is called. f must not block.
	Settle(s *Socket, f func(error))
}

// keeper is the namespace's adapter if sockets are to be recovered, nil otherwise.
func (n *Namespace) keeper() SessionKeeper {
	if n.server.recovery == nil {
		return nil
	}
	k, _ := n.adapter.(SessionKeeper)
	return k
}

// recoveryRequest is what a client's CONNECT says of the session that it had.
type recoveryRequest struct {
	PID    string `json:"pid"`
	Offset string `json:"offset"`
}

var errManyRooms = errors.New("the connection would be in too many rooms")

// Recovered tells whether the client has come back after it had lost its connection: the socket has the id, the rooms and
// the data that it had then.
func (s *Socket) Recovered() bool { return s.recovered }

// CheckJoin is for rooms that clients choose, as in a JoinRule: it returns an error if the socket may not be in these rooms too, by
// Limits.Rooms and Limits.RoomNameBytes, or would be more than is kept for its client's return. Join without a rule joins them
// all the same, but the client cannot be recovered any more then.
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

// CheckData is what CheckJoin is to Join, for SetData: an error says that the value cannot be encoded, takes more
// than Limits.DataBytes, or cannot be kept for a client's return.
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

// EncodeData is the socket's data as Recovery.EncodeData writes them; nil if there are none.
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

// resume tells a client that has come back that it is connected, then what it has missed, and then what has come in meanwhile.
// CONNECT goes first, since a client that is connected notes the offset of each event that it gets: if the link breaks again, the
// client asks for the rest. Stock clients keep events that come before CONNECT, without their offsets, even beyond the end of the
// connection, and would get those twice. It runs in the socket's turn.
func (s *Socket) resume(b *backlog.Missed) {
	if !s.welcomeBack(b) {
		s.abandon()
		s.namespace.remove(s)
		return
	}
	s.announce()
}

// welcomeBack is false for a socket that has been superseded. As for welcome, one that panics counts as
// connected.
func (s *Socket) welcomeBack(b *backlog.Missed) bool {
	codec := s.namespace.server.codec
	g := s.gate.Load()
	s.welcoming.Lock()
	defer s.welcoming.Unlock()
	if !s.state.CompareAndSwap(stateConnecting, stateWelcoming) {
		return false
	}
	defer s.state.Store(stateConnected)
	s.conn.Send(s.answer())
	// A session that has closed tells OnClose.
	_ = s.conn.Session().SendBacklog(func() []*engineio.Message { return b.Next(codec) })
	g.Open(b.Position(), s.conn.Session())
	s.gate.Store(nil)
	return true
}

// Supersede ends a socket whose session is recovered elsewhere, and its connection. No handler is called: the client is connected, by
// another connection. Of a socket that is on its way in only the connection is ended: who connects it sees that it must not, or is
// telling client and handlers, and will tell them of the end.
func (s *Socket) Supersede() {
	if !s.state.CompareAndSwap(stateConnecting, stateClosed) && s.state.CompareAndSwap(stateConnected, stateClosing) {
		s.abandonAcks()
		s.endContext()
		s.leaveRooms(func() {})
		s.namespace.remove(s)
	}
	s.conn.Session().Close(ReasonTransportClose)
}

// Interrupt closes the connection of a socket without a word, as if the network had failed: its client connects again.
func (s *Socket) Interrupt() { s.conn.Session().Close(ReasonTransportClose) }

// recoverable tells whether a client comes back after an end of its socket: it does not when it has left the namespace or was
// told to.
func recoverable(reason string) bool {
	return reason != ReasonClientDisconnect && reason != ReasonServerDisconnect
}
