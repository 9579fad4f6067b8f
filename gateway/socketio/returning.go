// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"bytes"
	"errors"

	"github.com/realtime-operator/realtime-operator/gateway/internal/apart"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/backlog"
)

// errSessionChanged: the client, or another one with its private id, has taken the session over
// while middlewares judged the client.
var errSessionChanged = errors.New("the session has changed while its client was judged")

// askedFor returns what a client asks for that may be recovered; it is empty if the client starts a
// new session.
func (e *entry) askedFor() (asked client.RecoveryRequest) {
	if e.namespace.keeper() == nil || e.Conn.IsV2() || len(e.Auth) == 0 {
		return asked
	}
	// The caller's stack stays while it waits.
	apart.Do(func() { asked = client.ReadRecoveryRequest(e.Auth) })
	return asked
}

// recover returns the client's former socket, in its rooms, with the events that it has missed, if
// the client may have it and it is available; nil if the client starts a new session.
// A *client.ReturnRefused refuses the client; any other error means that the outcome is unknown,
// and that the client should try again.
func (e *entry) recover(asked client.RecoveryRequest) (*Socket, *backlog.Missed, error) {
	k := e.namespace.keeper()
	session, err := k.Find(asked.PID, asked.Offset)
	if session == nil {
		return nil, nil, err
	}
	return e.recoverAs(k, session, asked)
}

// recoverAs makes the socket of a session that was found. It is separate from recover, so that its
// frame is not on the stack of a goroutine that waits for Find.
func (e *entry) recoverAs(
	k SessionKeeper, session *Session, asked client.RecoveryRequest,
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
		server.log.Error("restore a socket's data; its client starts a new session", s.LogAttr(), "error", err)
		return nil, nil, nil
	}
	judged := server.recovery.RunMiddlewares && e.namespace.path().HasMiddlewares()
	if judged {
		if session, err = s.judge(k, session, asked); session == nil {
			return nil, nil, err
		}
	}
	if !server.recovery.RunMiddlewares {
		if session.Identity != nil {
			s.holder().Restore(session.Identity)
		}
	} else if !s.Identity().Same(session.Identity) {
		server.log.Debug("a session is another user's; the client starts a new one", s.LogAttr())
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

// judge runs the middlewares for a returning client, and returns its session as it is after that;
// nil if that has ended. They run before the session is taken over: knowing a private id must not
// be enough to end the connection of the session's client.
func (s *Socket) judge(k SessionKeeper, session *Session, asked client.RecoveryRequest) (*Session, error) {
	if err := s.pass(); err != nil {
		return nil, &client.ReturnRefused{Reason: err}
	}
	// The middlewares may have taken long.
	again, err := k.Find(asked.PID, asked.Offset)
	if again == nil {
		return nil, err
	}
	if again.Holder != session.Holder || !bytes.Equal(again.Data, session.Data) {
		return nil, errSessionChanged
	}
	return again, nil
}

// pass has the authenticator and the middlewares judge the socket. It may block.
func (s *Socket) pass() error {
	wait, err := s.namespace.entrance.Judge(s)
	if wait != nil {
		err = wait()
	}
	if err != nil {
		return err
	}
	return s.namespace.path().Authorize(s)
}

// takeOver makes the socket the session's only one. Rooms that a middleware has joined become part
// of the session.
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
	s.namespace.doors.GiveBack(s, session.Entered())
	s.namespace.server.log.Debug("a session is not recovered", s.LogAttr(), "error", err)
	return nil, err
}
