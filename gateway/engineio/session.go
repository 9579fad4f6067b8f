// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/handshake"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/heartbeat"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/lazycontext"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/netpoll"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/patience"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/sendqueue"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/timingwheel"
)

// Session is one client's connection, whatever transport carries it. Its methods may be called from
// any goroutine, and from within the session's Handler.
type Session struct {
	id        string
	server    *Server
	config    *Config
	handshake handshake.Compact

	// dispatching is held during calls of the handler, so that they come one at a time. It is taken
	// before mu, never while mu is held.
	dispatching sync.Mutex
	handler     Handler // set under dispatching
	// turn has the current reader. Taking it from a call of OnMessage also takes dispatching; see
	// handOn.
	turn patience.Turn

	// protocol is the revision that the client speaks.
	protocol uint8
	// base64: the client, of revision 3, accepts no bytes in answers to polls.
	base64 bool

	mu    sync.Mutex // guards the following fields
	state sessionState
	// flushing: the session is in flushes.
	flushing bool
	// admitted: the application has let the client in.
	admitted bool
	// more: the client has sent another packet after the one that is being handled, so the answers
	// to both are sent together.
	more bool
	// tasks counts the goroutines that work for the session.
	tasks     int32
	transport transport
	queue     sendqueue.Queue[*Message]
	heartbeat heartbeat.Heartbeat
	alarm     timingwheel.Alarm[*Session] // for the heartbeat, and for the wait of closeMode
	upgrade   *upgrade                    // while a connection probes
	// flushes has the sessions with a scheduled flush.
	flushes netpoll.Queue
	// ended is closed once the session is closed and all its goroutines have ended; nil if nothing
	// waits for that.
	ended chan struct{}
	// context is nil if the session has no values and Context was not called.
	context *lazycontext.Context
}

type sessionState uint8

const (
	// stateOpen: messages go both ways.
	stateOpen sessionState = iota
	// stateClosing: the handler gets no more messages, but the client may still fetch earlier ones.
	stateClosing
	// stateClosed: the server has removed the session.
	stateClosed
)

// transport carries a session's packets. The session's lock is held around every call, so none may
// block.
type transport interface {
	name() string
	// flush sends queued messages if the transport can send now, or schedules that.
	flush()
	// stuck reports whether the same write is in progress as at the previous call. It replaces
	// write deadlines, which would have to be set for each write; a disconnected client fails to
	// answer pings anyway.
	stuck() bool
	// writable reports whether a message that is queued now would be sent at once.
	writable() bool
	// shutdown closes the transport gracefully. It is called once. If the mode has a wait,
	// forceClose is called after it.
	shutdown(closeMode)
	// forceClose ends a transport whose shutdown takes too long.
	forceClose()
}

// setTransport sets the transport of the session. The lock is held, or the session is not
// registered yet.
func (s *Session) setTransport(t transport) {
	s.transport = t
	if l, ok := t.(streamTransport); ok && l.shared().polled != nil {
		s.flushes = l.shared().polled.Queue() // of the worker that reads
	}
}

// ID returns the session id. It is a bearer secret: anybody who has it can take the session over.
// Do not show it to other clients.
func (s *Session) ID() string { return s.id }

// Handshake returns the information from the session's first request. Each call decodes it again.
func (s *Session) Handshake() *Handshake { return s.handshake.Expand() }

// Protocol returns the revision of the protocol that the client speaks: 4, or 3 with
// Config.AllowEIO3.
func (s *Session) Protocol() int { return int(s.protocol) }

// Context returns the session's context. Its values are those of the handshake's request, including
// those of middlewares and of the handlers around the server, unless Config.SessionContext returns
// another context. It ends as soon as the session closes: while a handler may still run, and before
// OnClose.
func (s *Session) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.context == nil {
		s.context = &lazycontext.Context{}
	}
	ctx := s.context.Get()
	if s.state != stateOpen {
		s.context.End()
	}
	return ctx
}

// Value is Context().Value, without making a context of a session that has none.
func (s *Session) Value(key any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.context == nil || s.context.Values == nil {
		return nil
	}
	return s.context.Values.Value(key)
}

// Transport returns the current transport: Polling, WebSocket or WebTransport.
func (s *Session) Transport() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transport.name()
}

// Writable reports whether a message would be sent at once: a poll or a WebSocket can take it, and
// no earlier message waits for the client to read. A message that may be lost is not worth sending
// otherwise.
func (s *Session) Writable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == stateOpen && s.transport.writable()
}

// LogID returns a name of the session for logs. Unlike ID, it gives no access: it is the id that
// Config.RequestIDHeader gives to the handshake, or a part of the SHA-256 of the random id.
func (s *Session) LogID() string {
	if header := s.config.RequestIDHeader; header != "" {
		if id := s.handshake.Expand().Header.Get(header); handshake.IsRequestID(id) {
			return id
		}
	}
	sum := sha256.Sum256([]byte(s.id))
	return hex.EncodeToString(sum[:8])
}
