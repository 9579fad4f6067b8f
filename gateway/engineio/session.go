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

// Session is one client's connection, whatever transport carries it. Its methods may be called from any goroutine,
// and from within the session's Handler.
type Session struct {
	id        string
	server    *Server
	config    *Config
	handshake handshake.Compact

	// dispatching is held while the handler is called, so that its calls come one at a time. It is taken before mu, never
	// while mu is held.
	dispatching sync.Mutex
	handler     Handler // set under dispatching
	// turn tells who reads. Taking it from a call of OnMessage takes dispatching with it; see handOn.
	turn patience.Turn

	// protocol is the revision that the client speaks.
	protocol uint8
	// base64: the client, of revision 3, takes no bytes in answers to polls.
	base64 bool

	mu    sync.Mutex // guards what follows
	state sessionState
	// flushing: the session waits in flushes.
	flushing bool
	// more: the client has sent more than the message that is being handled, so that what it is sent now goes out with what it
	// is sent next.
	more bool
	// tasks counts the goroutines that work for the session.
	tasks     int32
	transport transport
	queue     sendqueue.Queue[*Message]
	heartbeat heartbeat.Heartbeat
	alarm     timingwheel.Alarm[*Session] // for the heartbeat, and for what bounds a session that is closing
	upgrade   *upgrade                    // while a websocket probes
	// flushes is where the session waits for what is sent soon to be written.
	flushes netpoll.Queue
	// ended, if somebody waits for it, is closed once the session is closed and no goroutine works for it.
	ended chan struct{}
	// context is nil if there is nothing to keep of it.
	context *lazycontext.Context
}

type sessionState uint8

const (
	// stateOpen: messages go both ways.
	stateOpen sessionState = iota
	// stateClosing: the handler is done with, but the client may still fetch what was sent before.
	stateClosing
	// stateClosed: the server has forgotten the session.
	stateClosed
)

// transport carries a session's packets. The session's lock is held around every call, so none may block.
type transport interface {
	name() string
	// flush sends what is queued, if the transport can send now, or sees to it that it will be.
	flush()
	// stuck reports whether the same write is under way as at the call before. It takes the place of write deadlines, which
	// would be set anew for each write; a client that is gone fails to answer pings anyway.
	stuck() bool
	// writable reports whether nothing is known to hold up what is queued now.
	writable() bool
	// shutdown says goodbye and ends the transport. It comes once. If the mode waits for the client, forceClose comes after that time.
	shutdown(closeMode)
	// forceClose ends a transport that has been told to stop, and takes too long.
	forceClose()
}

// setTransport makes a transport the session's. The lock is held, or nobody knows the session yet.
func (s *Session) setTransport(t transport) {
	s.transport = t
	if l, ok := t.(streamTransport); ok && l.shared().polled != nil {
		s.flushes = l.shared().polled.Queue() // of those who read
	}
}

// ID is the session's id. Who knows it can take the session over: it is not for other clients' eyes.
func (s *Session) ID() string { return s.id }

// Handshake is what the session's first request told. It is made anew by each call.
func (s *Session) Handshake() *Handshake { return s.handshake.Expand() }

// Protocol is the revision of the protocol that the client speaks: 4, or 3 if Config.AllowEIO3 lets it.
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

// Transport is the transport in use now: Polling, WebSocket or WebTransport.
func (s *Session) Transport() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transport.name()
}

// Writable reports whether a message would go out at once: a poll or a websocket is there to take it, and none before it waits
// until the client reads. A message that may be lost is not worth sending otherwise.
func (s *Session) Writable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == stateOpen && s.transport.writable()
}

// LogID names the session in logs. Unlike ID, it gives nobody the session: it is a part of the id's
// SHA-256, and the id itself is random.
func (s *Session) LogID() string {
	sum := sha256.Sum256([]byte(s.id))
	return hex.EncodeToString(sum[:8])
}
