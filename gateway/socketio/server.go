// SPDX-License-Identifier: Apache-2.0

// Package socketio is a Socket.IO server (protocol v5) for stock clients: namespaces, rooms, events and
// acknowledgements over the connections of package engineio. It is a Go server library in its own right:
//
//	io, err := socketio.NewServer(socketio.Options{})
//	io.OnConnection(func(socket *socketio.Socket) {
//		socket.On("chatMessage", func(ev *socketio.Event) {
//			io.Of("/").EmitArgs("newMessage", ev.Args)
//		})
//	})
//	http.Handle("/socket.io/", io)
//
// Handlers of one connection run one at a time, in the order of its packets; different connections run in parallel.
package socketio

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// DefaultConnectTimeout is how long a connection may be without a namespace.
const DefaultConnectTimeout = 45 * time.Second

// Options configure a Server. The zero value has the defaults of the reference.
type Options struct {
	// Engine holds the settings of the transport. OnSession is the server's own.
	Engine engineio.Config
	// ConnectTimeout is how long a connection may be without a namespace before it is closed; 45 s if zero.
	ConnectTimeout time.Duration
	// NewAdapter makes the adapter of a namespace; NewRooms if nil.
	NewAdapter func(namespace string) Adapter
	// NewSocketID makes the ids of sockets; 20 random characters if nil.
	NewSocketID func() string
	// Log gets what goes wrong without anybody to tell; slog's default if nil.
	Log *slog.Logger
}

// Server is a Socket.IO server, an http.Handler for the path of its engine. Safe for concurrent use. Close ends it.
type Server struct {
	engine         *engineio.Server
	newAdapter     func(string) Adapter
	newSocketID    func() string
	log            *slog.Logger
	connectTimeout atomic.Int64

	mu         sync.RWMutex
	namespaces map[string]*Namespace // guarded by mu
}

// NewServer returns a server without namespaces; Of makes them.
func NewServer(o Options) (*Server, error) {
	s := &Server{newAdapter: o.NewAdapter, newSocketID: o.NewSocketID, log: o.Log, namespaces: map[string]*Namespace{}}
	if s.newAdapter == nil {
		s.newAdapter = func(string) Adapter { return NewRooms() }
	}
	if s.newSocketID == nil {
		s.newSocketID = randomID
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.connectTimeout.Store(int64(o.ConnectTimeout))
	engine, err := engineio.NewServer(s.engineConfig(o.Engine))
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	s.engine = engine
	return s, nil
}

// Reconfigure changes the settings of the wire. Connections that are open keep theirs.
func (s *Server) Reconfigure(engine engineio.Config, connectTimeout time.Duration) error {
	if err := s.engine.Reconfigure(s.engineConfig(engine)); err != nil {
		return fmt.Errorf("reconfigure the engine: %w", err)
	}
	s.connectTimeout.Store(int64(connectTimeout))
	return nil
}

func (s *Server) engineConfig(c engineio.Config) engineio.Config {
	c.OnSession = func(session *engineio.Session) engineio.Handler { return newConnection(s, session) }
	if c.ErrorLog == nil {
		c.ErrorLog = s.log
	}
	return c
}

// ServeHTTP serves the path of the engine.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Connections is the number of clients, whatever namespaces they are in.
func (s *Server) Connections() int { return s.engine.Len() }

// OnConnection is Of("/").OnConnection.
func (s *Server) OnConnection(f func(*Socket)) { s.Of("/").OnConnection(f) }

// Of returns the namespace, and makes it if it is not there.
func (s *Server) Of(name string) *Namespace {
	if ns := s.namespace(name); ns != nil {
		return ns
	}
	return s.AddNamespace(name, func(*Namespace) {})
}

// AddNamespace is Of for a server that clients are on already: a namespace that is new is set up before the first of them
// can connect to it. setup must not call the server.
func (s *Server) AddNamespace(name string, setup func(*Namespace)) *Namespace {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ns := s.namespaces[name]; ns != nil {
		return ns
	}
	ns := &Namespace{server: s, name: name, adapter: s.newAdapter(name), sockets: map[string]*Socket{}}
	setup(ns)
	s.namespaces[name] = ns
	return ns
}

func (s *Server) namespace(name string) *Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.namespaces[name]
}

// RemoveNamespace disconnects the sockets of a namespace; their connections live on. New clients get
// connect_error "Invalid namespace".
func (s *Server) RemoveNamespace(name string) {
	s.mu.Lock()
	ns := s.namespaces[name]
	delete(s.namespaces, name)
	s.mu.Unlock()
	if ns != nil {
		ns.retire()
	}
}

// Drain refuses new connections and closes those that are open evenly over a time, so that clients come back elsewhere.
func (s *Server) Drain(ctx context.Context, over time.Duration) error {
	return s.engine.Drain(ctx, over)
}

// Close ends all connections and releases the adapters.
func (s *Server) Close() error {
	s.engine.Close()
	s.mu.Lock()
	namespaces := s.namespaces
	s.namespaces = map[string]*Namespace{}
	s.mu.Unlock()
	var errs []error
	for _, ns := range namespaces {
		errs = append(errs, ns.adapter.Close())
	}
	return errors.Join(errs...)
}

// randomID returns 120 random bits as 20 characters of base64url.
func randomID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}
