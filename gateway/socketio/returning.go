// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/apart"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// errSessionChanged: the client, or somebody with its private id, has come by another connection
// while middlewares were asked whether it may.
var errSessionChanged = errors.New("the session has changed while its client was judged")

// returnRefused says that a middleware does not let a client come back.
type returnRefused struct{ reason error }

func (r *returnRefused) Error() string { return "a middleware refuses: " + r.reason.Error() }
func (r *returnRefused) Unwrap() error { return r.reason }

// askedFor is what a client asks for that can have its session; nothing for one that begins anew.
func (c *connection) askedFor(ns *Namespace, auth json.RawMessage) (asked recoveryRequest) {
	if ns.keeper() == nil || c.isV2() || len(auth) == 0 {
		return asked
	}
	apart.Do(func() { _ = json.Unmarshal(auth, &asked) }) // for what follows may wait; what cannot be read is left out
	return asked
}

// recover is the client's old socket, if it may have it, and that can be had: in its rooms, with what
// it has missed in hand. It is nil for a client that begins anew. A *returnRefused refuses the client;
// upon any other error nobody can tell, and the client had better come again.
func (c *connection) recover(
	l *lane, ns *Namespace, asked recoveryRequest, auth json.RawMessage, now time.Time,
) (*Socket, *backlog, error) {
	k := ns.keeper()
	session, err := k.Find(asked.PID, asked.Offset)
	if session == nil {
		return nil, nil, err
	}
	return c.recoverAs(l, ns, k, session, asked, auth, now)
}

// recoverAs makes the socket of a session that was found. It is not a part of recover, whose frame
// is on the stack of a goroutine that waits for Find.
func (c *connection) recoverAs(
	l *lane, ns *Namespace, k SessionKeeper, session *Session, asked recoveryRequest, auth json.RawMessage, now time.Time,
) (_ *Socket, _ *backlog, err error) {
	s := &Socket{
		id: session.SocketID, pid: session.PID, recovered: true,
		namespace: ns, conn: c, lane: l, auth: auth, connected: now.UnixNano(),
	}
	s.gate.Store(&gate{})
	recovered := false
	defer func() {
		if !recovered { // or a middleware has panicked
			s.abandon()
		}
	}()
	if err := s.restoreData(session.Data); err != nil {
		c.server.log.Error("restore a socket's data; its client starts a new session", "socket", s.LogID(), "error", err)
		return nil, nil, nil
	}
	judged := c.server.recovery.RunMiddlewares && ns.hasMiddlewares()
	if judged {
		if session, err = s.judge(k, session, asked); session == nil {
			return nil, nil, err
		}
	}
	if !c.server.recovery.RunMiddlewares {
		s.restoreIdentity(session.Identity)
	} else if !s.Identity().Same(session.Identity) {
		c.server.log.Debug("a session is another user's; the client starts a new one", "socket", s.LogID())
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
func (s *Socket) takeOver(k SessionKeeper, session *Session) (*backlog, error) {
	joined := s.Rooms()
	session.Restrict(s.mayComeBackTo())
	missed, position, err := k.Recover(s, session)
	if err == nil {
		b := &backlog{missed: missed, position: position, conn: s.conn}
		switch {
		case !s.fitsRooms():
			err = errManyRooms
		case !b.admit():
			err = ErrTooMuchMissed
		default:
			if len(joined) > 0 {
				s.joinOwn(joined)
			}
			return b, nil
		}
		k.Release(s, false)
	}
	s.conn.server.log.Debug("a session is not recovered", "socket", s.LogID(), "error", err)
	return nil, err
}

// backlog is what a socket has missed, up to a position.
type backlog struct {
	missed   []*Delivery
	position uint64
	conn     *connection
}

// admit counts the backlog among those of its connection. It is false if they would be too much.
func (b *backlog) admit() bool {
	size := int64(0)
	for _, d := range b.missed {
		size += sizeOf(d)
	}
	waits := b.conn.needRare().backlog.Add(size)
	if waits > int64(b.conn.server.limits.Load().MissedBytes) && waits > size {
		b.conn.needRare().backlog.Add(-size)
		return false
	}
	return true
}

// next makes the messages of the first event that is left, and takes it off; none at the end.
func (b *backlog) next(c parser.Codec) []*engineio.Message {
	if len(b.missed) == 0 {
		return nil
	}
	d := b.missed[0]
	b.missed[0] = nil
	b.missed = b.missed[1:]
	b.conn.needRare().backlog.Add(-sizeOf(d))
	return d.Messages(c)
}

func sizeOf(d *Delivery) int64 {
	n := len(d.Text) + len(d.ExtraArgs)
	for _, a := range d.Attachments {
		n += len(a)
	}
	return int64(n)
}
