// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"errors"

	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/backlog"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/conn"
)

// entry is a client that is connecting to a namespace.
type entry struct {
	conn.Arrival[*member]
	namespace *Namespace
}

// connect handles each CONNECT that the limits allow.
func (s *Server) connect(a conn.Arrival[*member]) {
	ns := s.enter(a.Namespace, func() *Handshake { return client.NewHandshake(a.Conn.Session().Handshake(), a.Auth, a.Time) })
	if ns == nil {
		a.End()
		a.Refuse(conn.ErrInvalidNamespace)
		return
	}
	e := entry{a, ns}
	if asked := e.askedFor(); asked.PID != "" {
		e.connectAgain(asked)
		return
	}
	e.judge(e.newSocket())
}

func (e *entry) newSocket() *Socket {
	s := e.socket()
	s.id = e.namespace.server.newSocketID()
	return s
}

// socket returns a socket without an id.
func (e *entry) socket() *Socket {
	return &Socket{namespace: e.namespace, conn: e.Conn, lane: e.Lane, auth: e.Auth, connected: e.Time.UnixNano()}
}

// connectAgain is connect for a client that asks for its former session. Many clients may do so at
// once, and finding the session may block.
func (e *entry) connectAgain(asked client.RecoveryRequest) {
	var s *Socket
	var missed *backlog.Missed
	var err error
	find := func() {
		returned := false
		defer func() {
			if !returned { // a middleware has panicked
				e.namespace.leave()
			}
		}()
		s, missed, err = e.recover(asked)
		returned = true
	}
	e.Conn.After(e.Lane, find, func() {
		switch {
		case err != nil: // the session is not available now
			e.namespace.leave()
			e.End()
			e.refuseReturn(err)
		case s == nil:
			e.judge(e.newSocket())
		default:
			e.letIn(s, missed, nil)
		}
	})
}

// refuseReturn refuses a client that cannot come back now, or may not.
func (e *entry) refuseReturn(err error) {
	var refused *client.ReturnRefused
	if errors.As(err, &refused) {
		e.Refuse(refused.Reason)
		return
	}
	// A client whose transport closes reconnects and asks for the session again. If it were given a
	// new session, it would lose the former one.
	e.Conn.Session().Interrupt(ReasonForcedServerClose, ending.Unavailable)
}

// judge lets a new socket in if the namespace's authenticator does. Until that can say so, nothing
// of the connection waits but the client's packets for the namespace.
func (e *entry) judge(s *Socket) {
	var wait func() error
	var refused error
	e.orLeave(s, func() { wait, refused = e.namespace.entrance.Judge(s) })
	if wait == nil {
		e.letIn(s, nil, refused)
		return
	}
	e.Conn.After(e.Lane, func() { e.orLeave(s, func() { refused = wait() }) }, func() { e.letIn(s, nil, refused) })
}

// orLeave calls a function. If that panics, the socket does not enter.
func (e *entry) orLeave(s *Socket, f func()) {
	returned := false
	defer func() {
		if !returned {
			s.abandon()
			e.namespace.leave()
			e.End()
		}
	}()
	f()
	returned = true
}

// letIn adds a socket to its namespace, unless it is refused, or a middleware refuses it.
func (e *entry) letIn(s *Socket, missed *backlog.Missed, refused error) {
	ns := e.namespace
	added, returned := false, false
	defer func() {
		switch {
		case !added: // refused, or a middleware has panicked
			s.abandon()
			ns.leave()
		case !returned && s.state.Load() == stateConnecting: // what followed add has panicked
			s.abandon()
			ns.remove(s)
		}
		e.End()
		if refused != nil { // a client that learns of its refusal has left its rooms
			e.Refuse(refused)
		}
	}()
	if refused == nil && !s.recovered { // the middlewares have judged a recovered one before
		refused = ns.path().Authorize(s)
	}
	if refused != nil {
		return
	}
	if added = ns.add(s); !added {
		if s.state.Load() != stateClosed {
			refused = conn.ErrInvalidNamespace
		}
		return
	}
	if !e.Admit((*member)(s)) {
		s.abandon()
		ns.remove(s)
		returned = true
		return
	}
	if s.recovered {
		s.resume(missed)
	} else {
		s.connect()
	}
	returned = true
}
