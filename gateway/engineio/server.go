// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"context"
	"fmt"
	"net/http"
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
	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
)

// Server is an http.Handler that serves the requests under its path. All methods may be called at any time, from any
// goroutine.
//
// The ReadTimeout and WriteTimeout of the http.Server that runs it do not hold for polls, which wait for long.
type Server struct {
	current atomic.Pointer[configSnapshot]

	configuring sync.Mutex   // held while current changes
	used        []Middleware // guarded by configuring

	// handshakes is the bucket of Config.HandshakesPerSecond.
	handshakes ratelimit.Limiter

	// watch finds handlers that take long, of readers with a goroutine of their own.
	watch  patience.Watch
	wheel  *timingwheel.Wheel[*Session]
	poller *netpoll.Poller
	panics *panics.Watch
	// noHijacker has it told once that websockets cannot be served.
	noHijacker sync.Once

	mu       sync.Mutex // guards what follows; taken after a session's lock, never before
	sessions map[string]*Session
	draining bool
}

// NewServer makes a server. It fails if the configuration makes no sense.
func NewServer(c Config) (*Server, error) {
	s := &Server{sessions: make(map[string]*Session), wheel: timingwheel.New((*Session).beat)}
	if err := s.Reconfigure(c); err != nil {
		return nil, err
	}
	first := s.current.Load().config
	s.panics = panics.NewWatch(first.ErrorLog, first.OnPanic)
	s.poller = netpoll.New(func(value any) { s.panics.Tell(placeWrite, value) })
	return s, nil
}

// Reconfigure changes the configuration. It holds for requests and sessions from now on; what lives keeps
// the one that it began with. A configuration that makes no sense changes nothing.
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

// Len is the number of sessions, those included whose client still has to fetch what was sent before their end.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Workers is how many goroutines read websockets and write to them: a few, and one for each handler
// that waits or takes its time. Those that a goroutine of their own reads, as with TLS, do not count.
func (s *Server) Workers() int { return s.poller.Workers() }

// Close is Shutdown without an end to the waiting. It may not be called by a Handler, which it would wait for.
func (s *Server) Close() { _ = s.Shutdown(context.Background()) }

// Shutdown ends all sessions, with ReasonServerShuttingDown and without sending what waits, and returns when their handlers and
// goroutines are done; a client's last word is waited for a second. Handshakes are refused from now on. If the context ends
// before, the sessions end nevertheless, and the error says how many are left.
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

// refuse refuses handshakes from now on, and lists the sessions that there are.
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
	// First of all, so that a page can read what refuses it.
	if g.config.CORS.Apply(w, r) {
		return
	}
	g.handler.ServeHTTP(w, r)
}

// serve is what the middlewares lead to.
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

// open makes a session and makes it known. Its open packet is queued, and the application has met it.
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
	session.start()
	return session, nil
}

func (s *Server) add(session *Session) *refusals.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refusal := s.checkCapacityLocked(session.config); refusal != nil {
		return refusal
	}
	if _, taken := s.sessions[session.id]; taken {
		return refusals.BadRequest
	}
	s.sessions[session.id] = session
	return nil
}

func (s *Server) remove(session *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, session.id)
}

func (s *Server) session(id string) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

// checkCapacity is nil if the server takes another session.
func (s *Server) checkCapacity(c *Config) *refusals.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checkCapacityLocked(c)
}

func (s *Server) checkCapacityLocked(c *Config) *refusals.Answer {
	switch {
	case s.draining:
		return refusals.Draining
	case c.MaxSessions > 0 && len(s.sessions) >= c.MaxSessions:
		return refusals.Full
	}
	return nil
}

// offers reports whether a transport may be used.
func (c *Config) offers(transport string) bool { return slices.Contains(c.Transports, transport) }
