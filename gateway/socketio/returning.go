// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/realtime-operator/realtime-operator/gateway/internal/apart"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/backlog"
)

// errSessionChanged: the client, or somebody with its private id, has come by another connection
// while middlewares were asked whether it may.
var errSessionChanged = errors.New("the session has changed while its client was judged")

// returnRefused says that a middleware does not let a client come back.
type returnRefused struct{ reason error }

func (r *returnRefused) Error() string { return "a middleware refuses: " + r.reason.Error() }
func (r *returnRefused) Unwrap() error { return r.reason }

// askedFor is what a client asks for that can have its session; nothing for one that begins anew.
func (e *entry) askedFor() (asked recoveryRequest) {
	if e.namespace.keeper() == nil || e.Conn.IsV2() || len(e.Auth) == 0 {
		return asked
	}
	apart.Do(func() { _ = json.Unmarshal(e.Auth, &asked) }) // for what follows may wait; what cannot be read is left out
	return asked
}

// recover is the client's old socket, if it may have it, and that can be had: in its rooms, with what
// it has missed in hand. It is nil for a client that begins anew. A *returnRefused refuses the client;
// upon any other error nobody can tell, and the client had better come again.
func (e *entry) recover(asked recoveryRequest) (*Socket, *backlog.Missed, error) {
	k := e.namespace.keeper()
	session, err := k.Find(asked.PID, asked.Offset)
	if session == nil {
		return nil, nil, err
	}
	return e.recoverAs(k, session, asked)
}

// recoverAs makes the socket of a session that was found. It is not a part of recover, whose frame
// is on the stack of a goroutine that waits for Find.
func (e *entry) recoverAs(
	k SessionKeeper, session *Session, asked recoveryRequest,
) (_ *Socket, _ *backlog.Missed, err error) {
	server := e.namespace.server
	s := e.socket()
	s.id, s.pid, s.recovered = session.SocketID, session.PID, true
	s.gate.Store(&backlog.Gate{})
	recovered := false
	defer func() {
		if !recovered { // or a middleware has panicked
			s.abandon()
		}
	}()
	if err := s.restoreData(session.Data); err != nil {
		server.log.Error("restore a socket's data; its client starts a new session", "socket", s.LogID(), "error", err)
		return nil, nil, nil
	}
	judged := server.recovery.RunMiddlewares && e.namespace.hasMiddlewares()
	if judged {
		if session, err = s.judge(k, session, asked); session == nil {
			return nil, nil, err
		}
	}
	if !server.recovery.RunMiddlewares {
		s.restoreIdentity(session.Identity)
	} else if !s.Identity().Same(session.Identity) {
		server.log.Debug("a session is another user's; the client starts a new one", "socket", s.LogID())
		return nil, nil, nil
	}
	b, err := s.takeOver(k, session)
	if err == nil && judged {
		k.Save(s) // a middleware may have set other data
	}
	switch {
	case err == nil:
		recovered = true
		return s, b, nil
	case errors.Is(err, ErrUnavailable):
		return nil, nil, err
	}
	return nil, nil, nil
}

// judge asks the middlewares whether a client may come back, and returns its session as it is then;
// nil if that has ended. They come before the session is taken over: knowing a private id must not be
// enough to end the connection of the client that the session belongs to.
func (s *Socket) judge(k SessionKeeper, session *Session, asked recoveryRequest) (*Session, error) {
	if err := s.namespace.authorize(s); err != nil {
		return nil, &returnRefused{err}
	}
	// They may have taken their time.
	again, err := k.Find(asked.PID, asked.Offset)
	if again == nil {
		return nil, err
	}
	if again.Holder != session.Holder || !bytes.Equal(again.Data, session.Data) {
		return nil, errSessionChanged
	}
	return again, nil
}

// takeOver makes the socket the session's only one. Rooms that a middleware has joined become part of
// the session.
func (s *Socket) takeOver(k SessionKeeper, session *Session) (*backlog.Missed, error) {
	joined := s.Rooms()
	session.Restrict(s.mayComeBackTo())
	missed, position, err := k.Recover(s, session)
	if err == nil {
		b := backlog.NewMissed(missed, position, s.conn)
		switch {
		case !s.fitsRooms():
			err = errManyRooms
		case !b.Admit(s.limits().MissedBytes):
			err = ErrTooMuchMissed
		default:
			if len(joined) > 0 {
				s.joinOwn(joined)
			}
			return b, nil
		}
		k.Release(s, false)
	}
	s.namespace.server.log.Debug("a session is not recovered", "socket", s.LogID(), "error", err)
	return nil, err
}
