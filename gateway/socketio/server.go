// SPDX-License-Identifier: Apache-2.0

// Package socketio is a Socket.IO server (protocol v5, and 2.x clients by
// engineio.Config.AllowEIO3) for stock clients: namespaces, rooms, events and acknowledgements over
// the connections of package engineio. It is also a Go server library:
//
//	io, err := socketio.NewServer(socketio.Options{})
//	if err != nil {
//		return err
//	}
//	defer io.Close()
//	io.OnConnection(func(socket *socketio.Socket) {
//		socketio.On(socket, "chatMessage", func(socket *socketio.Socket, text string) {
//			socket.To("lobby").Emit("newMessage", text)
//		})
//	})
//	http.Handle("/socket.io/", io)
//
// Names are those of the server for Node where possible. What is different in Go:
//
//	io.on("connection", f)             io.OnConnection(f)
//	socket.on("e", (a, b) => …)        socket.On("e", func(ev *Event) { ev.Args.Scan(&a, &b) })
//	                                   On(socket, "e", func(s *Socket, a T) { … })
//	socket.on("e", (a, cb) => cb(r))   OnAck(socket, "e", func(s *Socket, a T) (R, error) { … })
//	socket.broadcast.to("r").emit(…)   socket.To("r").Emit(…)
//	socket.volatile.emit(…)            socket.Volatile().Emit(…)
//	io.timeout(ms).emitWithAck(…)      io.EmitWithAck(ctx, …)
//	await io.in("r").fetchSockets()    io.In("r").FetchSockets(ctx)
//	(await fetchSockets()).length      io.In("r").CountSockets(ctx)
//	io.of(/^\/o-\d+$/)                 io.OfPattern(`/o-\d+`)
//	io.on("new_namespace", f)          io.OnNamespace(f)
//	nsp.adapter.rooms.get("r").size    ns.RoomSize("r"), ns.Rooms()
//	io.engine                          io.Engine()
//	io.engine.on("connection_error")   Options{Engine: engineio.Config{OnRefused: f}}
//	socket.conn.on("upgrade", f)       socket.OnUpgrade(f)
//	io.use((socket, next) => …)        io.Use(func(s *Socket) error { … })
//	socket.data.x = 1                  socket.SetData(v), DataOf[T](socket)
//	socket.request                     socket.Context().Value(k), socket.Handshake()
//	socket.data.user = … (in use)      socket.SetIdentity(Identity{…}), socket.Identity()
//	connectionStateRecovery: {}        Options{Recovery: &Recovery{}}, socket.Recovered()
//	serveClient: true                  package clientbundle
//
// Handlers of one socket run one at a time, in the order of its packets; different sockets run in
// parallel, including those of one client in several namespaces. A handler that blocks delays only
// its own socket, neither the client's heartbeat nor its acknowledgements, so it may wait for
// these: see Socket.EmitWithAck.
package socketio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/conn"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/names"
)

// DefaultConnectTimeout is how long a connection may stay without a namespace.
const DefaultConnectTimeout = 45 * time.Second

// DefaultPath is the path that stock clients use.
const DefaultPath = "/socket.io/"

// Parser is the encoding of packets. Clients have to use the same one.
type Parser string

const (
	// ParserJSON is the parser of stock clients: JSON, with binary values as separate messages.
	ParserJSON Parser = parser.NameJSON
	// ParserMsgpack is socket.io-msgpack-parser, and that of the client files with msgpack in their
	// name: smaller packets, all of them binary.
	ParserMsgpack Parser = parser.NameMsgpack
)

// MaxAttachments is the maximum number of attachments of a packet, 10 (socket.io-parser 4.2.6 and
// later).
const MaxAttachments = parser.MaxAttachments

// Options configure a Server. The zero value has the defaults of the reference.
type Options struct {
	// Engine holds the settings of the transport. Its Path is DefaultPath if empty. The server sets
	// OnSession itself.
	Engine engineio.Config
	// ConnectTimeout is how long a connection may stay without a namespace before it is closed; 45
	// s if zero.
	ConnectTimeout time.Duration
	// Parser is the encoding of packets; ParserJSON if empty.
	Parser Parser
	// NewAdapter makes the adapter of a namespace. If nil, it is one for a single server, which
	// stores sessions in memory if there is a Recovery. It may only use the name of the namespace,
	// which is not ready yet.
	NewAdapter func(*Namespace) Adapter
	// CleanupEmptyChildNamespaces removes a dynamic namespace when its last socket has left.
	CleanupEmptyChildNamespaces bool
	// Limits bound what a client can make the server hold; nil: DefaultLimits. SetLimits changes
	// them.
	Limits *Limits
	// Recovery enables connection state recovery, if NewAdapter is nil or makes a SessionKeeper. If
	// nil, no client is recovered.
	Recovery *Recovery
	// NewSocketID makes the ids of sockets; 20 random characters if nil.
	NewSocketID func() string
	// Log receives errors that no caller gets; slog's default if nil.
	Log *slog.Logger
}

// Server is a Socket.IO server, an http.Handler for the path of its engine. Safe for concurrent
// use. Close ends it.
type Server struct {
	engine         *engineio.Server
	newAdapter     func(*Namespace) Adapter
	codec          parser.Codec
	cleanup        bool
	newSocketID    func() string
	recovery       *Recovery
	log            *slog.Logger
	queueVolatile  atomic.Bool
	volatileEvents atomic.Uint64 // dropped ones
	// host is shared by the connections.
	host conn.Host[*member]

	namespaces names.Registry[*Namespace]

	// mu is also held while an existing namespace is given a parent.
	mu      sync.RWMutex
	parents []*ParentNamespace // guarded by mu
}

// NewServer returns a server without namespaces; Of makes them. It returns an error if an option is
// invalid, such as an unknown parser.
func NewServer(o Options) (*Server, error) {
	codec, err := parser.Named(string(o.Parser))
	if err != nil {
		return nil, err
	}
	s := &Server{
		newAdapter:  o.NewAdapter,
		newSocketID: o.NewSocketID,
		recovery:    o.Recovery,
		log:         o.Log,
		codec:       codec,
		cleanup:     o.CleanupEmptyChildNamespaces,
	}
	if s.newAdapter == nil {
		s.newAdapter = singleServer(&o)
	}
	if s.newSocketID == nil {
		s.newSocketID = client.NewID
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.host.Limits.Store(&conn.Limits{Limits: DefaultLimits()})
	if o.Limits != nil {
		s.SetLimits(*o.Limits)
	}
	s.host.Codec, s.host.Log, s.host.Connect = codec, s.log, s.connect
	s.host.Panics = panics.NewWatch(s.log, o.Engine.OnPanic)
	s.setConnectTimeout(o.ConnectTimeout)
	engine, err := engineio.NewServer(s.engineConfig(o.Engine))
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	s.engine = engine
	return s, nil
}

// singleServer returns the function that makes adapters for a single server.
func singleServer(o *Options) func(*Namespace) Adapter {
	if o.Recovery == nil {
		return func(*Namespace) Adapter { return NewRooms() }
	}
	recovery, detection := o.Recovery, o.Engine.DetectionTime()
	return func(*Namespace) Adapter { return newMemoryKeeper(recovery, detection) }
}

// Reconfigure changes the settings of the wire. Open connections keep theirs.
func (s *Server) Reconfigure(engine engineio.Config, connectTimeout time.Duration) error {
	if err := s.engine.Reconfigure(s.engineConfig(engine)); err != nil {
		return fmt.Errorf("reconfigure the engine: %w", err)
	}
	s.setConnectTimeout(connectTimeout)
	return nil
}

func (s *Server) setConnectTimeout(timeout time.Duration) {
	s.host.ConnectTimeout.Store(int64(cmp.Or(max(timeout, 0), DefaultConnectTimeout)))
}

func (s *Server) engineConfig(c engineio.Config) engineio.Config {
	c.OnSession = func(session *engineio.Session) engineio.Handler {
		c := conn.New(&s.host, session)
		if c.IsV2() {
			c.ConnectV2()
		}
		return c
	}
	if c.Path == "" {
		c.Path = DefaultPath
	}
	if c.ErrorLog == nil {
		c.ErrorLog = s.log
	}
	return c
}

// ServeHTTP serves the path of the engine.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Release answers the waiting poll of an engine session, if there is one, so that its client polls
// again.
func (s *Server) Release(sessionID string) { s.engine.Release(sessionID) }

// Engine returns the engine, which carries the connections, for transports with a listener of their
// own (package engineio/webtransport).
func (s *Server) Engine() *engineio.Server { return s.engine }

// Connections returns the number of clients, whatever namespaces they are in.
func (s *Server) Connections() int { return s.engine.Len() }

// Of returns the namespace of a name such as "/chat", and creates it if it does not exist. Before
// that, clients cannot connect to it, not even to the main namespace, "/". "chat" means "/chat".
//
// A name that matches a pattern of OfPattern creates a namespace of that parent, as the first
// client that connects to it would: the parent's middlewares apply. A name with a parent of OfFunc
// belongs to it as soon as the function accepts a client of it. The main namespace never gets a
// parent by Of.
func (s *Server) Of(name string) *Namespace {
	name = names.Full(name)
	if ns := s.namespaces.Get(name); ns != nil {
		return ns
	}
	if name == "/" {
		return s.addNamespace(name, func(*Namespace) {})
	}
	p, params, suitors := s.parentByName(name)
	return s.addNamespace(name, func(ns *Namespace) {
		if p == nil {
			ns.suitors = suitors
			return
		}
		ns.params = params
		ns.belongTo(p)
	})
}

// AddNamespace creates a namespace without a parent, whatever patterns its name matches, and
// returns it, or the existing one. It is for a server that clients are connected to: setup runs
// before the first of them can connect to the namespace. setup must not call the server.
func (s *Server) AddNamespace(name string, setup func(*Namespace)) *Namespace {
	return s.addNamespace(names.Full(name), setup)
}

// OnNamespace adds a function that is called for each namespace that is created from now on, before
// its first socket, like Node's new_namespace event. It must not use the server, which is locked
// until it returns.
func (s *Server) OnNamespace(f func(*Namespace)) {
	s.namespaces.OnAdd(f)
}

func (s *Server) addNamespace(name string, setup func(*Namespace)) *Namespace {
	return s.namespaces.Add(name, func() *Namespace {
		ns := &Namespace{server: s, name: name}
		ns.adapter = s.newAdapter(ns)
		setup(ns)
		return ns
	})
}

// RemoveNamespace disconnects the sockets of a namespace; their connections stay open. New clients
// get connect_error "Invalid namespace".
func (s *Server) RemoveNamespace(name string) {
	if ns := s.namespaces.Remove(names.Full(name)); ns != nil {
		ns.retire()
	}
}

// Refuse refuses new connections from now on; open ones stay.
func (s *Server) Refuse() { s.engine.Refuse() }

// Drain refuses new connections and closes the open ones at an even pace, so that clients reconnect
// elsewhere.
func (s *Server) Drain(ctx context.Context, pace engineio.Pace) error {
	return s.engine.Drain(ctx, pace)
}

// Close ends all connections, waits until their handlers have returned, and releases the adapters.
// A handler may call it too: then it ends the connections and returns without waiting, since it
// would wait for that handler; the rest follows when the handler has returned.
//
//nolint:contextcheck // Shutdown is for those who have a context
func (s *Server) Close() error { return s.Shutdown(context.Background()) }

// Shutdown is Close with a limit: it stops waiting when the context ends. Its error then says how
// many clients still have running handlers. These are not interrupted; the adapters are released
// when they have returned.
func (s *Server) Shutdown(ctx context.Context) error {
	within := conn.WithinHandler()
	if within {
		ended, end := context.WithCancel(ctx)
		end()
		ctx = ended
	}
	err := s.engine.Shutdown(ctx)
	if err == nil {
		return s.closeAdapters()
	}
	go func() { //nolint:contextcheck // what is left goes on after the context has ended
		s.engine.Close()
		if err := s.closeAdapters(); err != nil {
			s.log.Error("close the adapters of a server that has shut down", "error", err)
		}
	}()
	if within {
		return nil
	}
	return err
}

func (s *Server) closeAdapters() error {
	var errs []error
	for _, ns := range s.namespaces.Clear() {
		errs = append(errs, ns.adapter.Close())
	}
	return errors.Join(errs...)
}

// Within calls f with the namespace of a name, and reports whether it exists. A dynamic namespace
// without a socket on this server exists during the call: it reaches sockets on other servers, and
// is removed afterwards if Options.CleanupEmptyChildNamespaces is set. Functions of OfFunc are
// called with an empty Handshake.
func (s *Server) Within(name string, f func(*Namespace)) bool {
	ns := s.enter(name, func() *Handshake { return &Handshake{} })
	if ns == nil {
		return false
	}
	defer ns.leave()
	f(ns)
	return true
}
