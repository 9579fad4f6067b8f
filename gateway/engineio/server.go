// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/handshake"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/netpoll"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/patience"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/ratelimit"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/request"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/timingwheel"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/internal/peraddress"
)

// Server is an http.Handler for the requests under its path. Safe for concurrent use.
//
// The ReadTimeout and WriteTimeout of the http.Server that runs it do not apply to polls, which
// wait for long.
type Server struct {
	current atomic.Pointer[configSnapshot]

	configuring sync.Mutex   // held while current changes
	used        []Middleware // guarded by configuring

	// handshakes limits Config.HandshakesPerSecond.
	handshakes ratelimit.Limiter

	// watch finds slow handlers of readers with a goroutine of their own.
	watch patience.Watch
	// computing has an entry for each call of Session.Compute.
	computing chan struct{}

	wheel  *timingwheel.Wheel[*Session]
	poller *netpoll.Poller
	panics *panics.Watch
	// endings counts sessions that have begun, and those that have ended.
	endings ending.Counts
	// noHijacker logs once that WebSockets cannot be served.
	noHijacker sync.Once

	mu       sync.Mutex // guards the following fields; taken after a session's lock, never before
	sessions map[string]*Session
	// addresses are those of the sessions.
	addresses peraddress.Counts
	draining  bool
}

// NewServer makes a server. It returns an error if the configuration is invalid.
func NewServer(c Config) (*Server, error) {
	s := &Server{
		sessions: make(map[string]*Session), wheel: timingwheel.New((*Session).beat),
		computing: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
	if err := s.Reconfigure(c); err != nil {
		return nil, err
	}
	first := s.current.Load().config
	s.panics = panics.NewWatch(first.ErrorLog, first.OnPanic)
	s.poller = netpoll.New(func(value any) { s.panics.Tell(placeWrite, value) })
	s.poller.Observe(first.OnWritten)
	return s, nil
}

// Reconfigure changes the configuration for future requests and sessions; existing sessions keep
// theirs. An invalid configuration changes nothing.
func (s *Server) Reconfigure(c Config) error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	s.configuring.Lock()
	defer s.configuring.Unlock()
	s.install(&c)
	s.handshakes.Set(c.HandshakesPerSecond, c.HandshakeBurst)
	return nil
}

// Len returns the number of sessions, including closed ones whose client still has to fetch what
// was sent before.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Endings returns the counts of sessions that have begun, and of those that have ended.
func (s *Server) Endings() *ending.Counts { return &s.endings }

// Workers returns the number of goroutines that read WebSockets and write to them: a few, and one
// for each handler that waits or takes long. Connections with a goroutine of their own, for example
// with TLS, do not count.
func (s *Server) Workers() int { return s.poller.Workers() }

// Close is Shutdown without a time limit. A Handler must not call it, since Close waits for
// handlers.
func (s *Server) Close() { _ = s.Shutdown(context.Background()) }

// Shutdown ends all sessions with ReasonServerShuttingDown, without sending queued messages, and
// returns when their handlers and goroutines have ended. It waits up to a second for the closing
// handshake of a client. From now on handshakes are refused. If the context ends before, the
// sessions end nevertheless, and the error has the number of those whose handlers may still run.
func (s *Server) Shutdown(ctx context.Context) error {
	sessions := s.refuse()
	for _, session := range sessions {
		session.close(ReasonServerShuttingDown, nil, closeNow)
	}
	for i, session := range sessions {
		select {
		case <-session.done():
		case <-ctx.Done():
			return fmt.Errorf("shut down: handlers of %d sessions may still run: %w", len(sessions)-i, ctx.Err())
		}
	}
	return nil
}

// refuse refuses handshakes from now on, and returns all sessions.
func (s *Server) refuse() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	sessions := make([]*Session, 0, len(s.sessions))
	for _, session := range s.sessions {
		sessions = append(sessions, session)
	}
	return sessions
}

// ServeHTTP serves a request of any transport.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.panics.CatchRequest(placeRequest)
	g := s.current.Load()
	httpx.BoundBody(w, r, g.config.PingTimeout)
	if !g.config.serves(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	// Before anything else, so that a page can read refusals.
	if g.config.CORS.Apply(w, r) {
		return
	}
	g.handler.ServeHTTP(w, r)
}

// serve is the handler inside all middlewares.
func (s *Server) serve(c *Config, w http.ResponseWriter, r *http.Request) {
	req := request.New(r, websocket.IsUpgrade(r))
	if o, ok := r.Context().Value(offerKey{}).(*offer); ok {
		req.IsWebTransport = true
		s.serveWebTransport(r.Context(), c, w, req, o)
		return
	}
	session, refusal := s.verify(c, req)
	if refusal != nil {
		if req.SessionID() == "" {
			c.tellRefused(req, refusal)
		}
		refusal.Write(w, req.IsUpgrade)
		return
	}
	if session != nil {
		defer session.stopRequest()
	}
	switch {
	case session == nil && req.IsUpgrade:
		s.acceptWebSocket(w, c, req)
	case session == nil:
		s.acceptPolling(w, c, req)
	case req.IsUpgrade:
		session.serveUpgrade(w, req)
	case r.Method == http.MethodGet:
		session.servePoll(w, req)
	case r.Method == http.MethodPost:
		session.servePost(w, req)
	default:
		refusals.BadRequest.Write(w, false)
	}
}

// open creates and registers a session. Its open packet is queued, and OnSession has returned.
func (s *Server) open(c *Config, req *request.Request, id string, t func(*Session) transport) (*Session, *refusals.Answer) {
	session := &Session{
		id:        id,
		server:    s,
		config:    c,
		handshake: handshake.Keep(req.Request, req.Time),
		protocol:  req.Protocol(),
		base64:    req.Base64(),
		flushes:   s.poller.Queue(),
		context:   c.newSessionContext(req.Request),
	}
	session.setTransport(t(session))
	session.queue.Push(openPacket(c, id, session.transport.name()))
	if c.InitialPacket != nil {
		session.queue.Push(c.InitialPacket)
	}
	session.dispatching.Lock()
	defer session.dispatching.Unlock()
	session.startHeartbeat(req.Time)
	if refusal := s.add(session); refusal != nil {
		c.tellRefused(req, refusal)
		session.stopHeartbeat()
		return nil, refusal
	}
	s.endings.Open()
	session.start()
	return session, nil
}

func (s *Server) add(session *Session) *refusals.Answer {
	address := session.address()
	s.mu.Lock()
	defer s.mu.Unlock()
	if refusal := s.checkCapacityLocked(session.config, address); refusal != nil {
		return refusal
	}
	if _, taken := s.sessions[session.id]; taken {
		return refusals.BadRequest
	}
	s.sessions[session.id] = session
	s.addresses.Add(address)
	return nil
}

// remove removes a session, whose lock is held.
func (s *Server) remove(session *Session) {
	address := session.address()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[session.id] == session {
		delete(s.sessions, session.id)
		s.addresses.Remove(address, session.admitted)
	}
}

// SetAdmitted reports whether the application has let the client in. A session begins as not
// admitted, and until it is, it counts for Config.MaxUnadmittedPerAddress.
func (s *Session) SetAdmitted(admitted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateClosed || s.admitted == admitted {
		return
	}
	s.admitted = admitted
	address := s.address()
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.addresses.Admit(address, admitted)
}

// address returns the client's address, as it is counted.
func (s *Session) address() peraddress.Key { return peraddress.KeyOf(s.handshake.RemoteAddr()) }

// Unadmitted returns the number of sessions that are not admitted.
func (s *Server) Unadmitted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addresses.Unadmitted()
}

func (s *Server) session(id string) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

// checkCapacity returns nil if the server accepts another session of the client's address.
func (s *Server) checkCapacity(c *Config, r *request.Request) *refusals.Answer {
	address := peraddress.KeyOf(r.RemoteAddr)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checkCapacityLocked(c, address)
}

func (s *Server) checkCapacityLocked(c *Config, address peraddress.Key) *refusals.Answer {
	count := s.addresses.Of(address)
	switch {
	case s.draining:
		return refusals.Draining
	case c.MaxSessions > 0 && len(s.sessions) >= c.MaxSessions:
		return refusals.Full
	case c.MaxSessionsPerAddress > 0 && int(count.All) >= c.MaxSessionsPerAddress:
		return refusals.FullAddress
	case c.MaxUnadmittedPerAddress > 0 && int(count.Unadmitted) >= c.MaxUnadmittedPerAddress:
		return refusals.IdleAddress
	}
	return nil
}

// offers reports whether a transport is offered.
func (c *Config) offers(transport string) bool { return slices.Contains(c.Transports, transport) }
