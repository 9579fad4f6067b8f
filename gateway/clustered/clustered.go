// SPDX-License-Identifier: Apache-2.0

// Package clustered runs a Socket.IO server in several processes that act as one, over NATS. Rooms
// span them. Any process takes any client's request, so load balancers need no session affinity. A
// client that has lost one process comes back to another. Gateways work in the same way; this
// package is for programs of your own:
//
//	server, err := clustered.NewServer(clustered.Options{
//		Service:  "chat",
//		NATSURLs: []string{"nats://nats:4222"},
//		Secrets:  [][]byte{secret}, // 32 random bytes that all of them know
//		PeerHost: os.Getenv("POD_IP"),
//		Options:  socketio.Options{Recovery: &socketio.Recovery{}}, // takes JetStream
//	})
//	if err != nil {
//		return err
//	}
//	defer server.Close()
//	server.IO.OnConnection(func(socket *socketio.Socket) { … })
//	http.Handle("/socket.io/", server)
package clustered

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/forward"
	"github.com/realtime-operator/realtime-operator/gateway/internal/httpserve"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// DefaultPeerListen is the address at which servers listen for each other.
const DefaultPeerListen = ":7443"

// Options configure a Server. Service, NATSURLs, Secrets and PeerHost are required.
type Options struct {
	// Service is the common name of the servers. Servers of other services on the same NATS do not
	// receive their events.
	Service string
	// Name of this server in logs and in NATS's monitoring. Defaults to the host name.
	Name string
	// NATSURLs are the NATS servers. NATSCredentialsDir is a folder with the credentials:
	// user.creds, or token, or username and password; ca.crt, tls.crt, tls.key.
	NATSURLs           []string
	NATSCredentialsDir string
	// Secrets authenticate the servers to each other; see forward.SharedIdentity. They are bearer
	// secrets: anybody who has one can take over sessions.
	Secrets [][]byte
	// PeerListen is the address at which this server listens for the others, over TLS with
	// certificates; DefaultPeerListen if empty. PeerHost is the host at which they reach it, such
	// as the pod's IP address. PeerPort is the port, if it differs from the one of PeerListen.
	PeerListen string
	PeerHost   string
	PeerPort   int
	// Options are those of the Socket.IO server. With a Recovery, events and sessions are stored in
	// JetStream, and what differs is that MaxSessions means nothing. NewAdapter and NewSocketID,
	// and Engine.NewID, are the cluster's.
	socketio.Options
	// Replicas is the number of NATS servers that store events, 1 if zero. MaxBytes limits what
	// they store; if zero, NATS limits it.
	Replicas int
	MaxBytes int64
	// Registerer receives the metrics; none if nil.
	Registerer prometheus.Registerer
}

// Server is one of the servers. It is an http.Handler for the path of IO's engine. Safe for
// concurrent use. Close ends it.
type Server struct {
	// IO is the Socket.IO server. The Server's methods drain and close it; do not use its own.
	IO *socketio.Server

	cluster   *cluster.Cluster
	forwarder *forward.Forwarder
	stop      context.CancelFunc
	serving   sync.WaitGroup
	closing   sync.Once
	closeErr  error // set within closing
	log       *slog.Logger
}

// NewServer starts a server. It returns at once, whether NATS is reachable or not, and keeps trying
// to connect; Connected reports the state. Until then clients can connect, but receive no events of
// other servers.
//
//nolint:contextcheck // what a server does until Close is bounded by its own life
func NewServer(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	identity, err := forward.SharedIdentity(o.Secrets...)
	if err = errors.Join(o.check(), err); err != nil {
		return nil, fmt.Errorf("start a clustered server: %w", err)
	}
	l, err := net.Listen("tcp", cmp.Or(o.PeerListen, DefaultPeerListen))
	if err != nil {
		return nil, fmt.Errorf("listen for other servers: %w", err)
	}
	s := &Server{log: o.Log}
	if err := s.start(&o, identity, l); err != nil {
		return nil, errors.Join(fmt.Errorf("start a clustered server: %w", err), l.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.serving.Go(func() { s.servePeers(ctx, tls.NewListener(l, identity.ServerConfig()), pathOf(&o.Engine)) })
	return s, nil
}

// check refuses options without which servers cannot find each other.
func (o *Options) check() error {
	switch {
	case o.Service == "":
		return errors.New("the service has no name (Options.Service)")
	case len(o.NATSURLs) == 0:
		return errors.New("there is no NATS (Options.NATSURLs)")
	case o.PeerHost == "":
		return errors.New("other servers would not find this one (Options.PeerHost)")
	}
	return nil
}

// start makes the parts, and leaves none of them behind if one cannot be made.
func (s *Server) start(o *Options, identity *forward.Identity, l net.Listener) (err error) {
	s.cluster, err = cluster.Connect(cluster.Options{
		Service: o.Service, Gateway: o.Name, PeerAddress: peerAddress(o, l),
		URLs: o.NATSURLs, CredentialsDir: o.NATSCredentialsDir,
		Recovery: logRecovery(o), Registerer: o.Registerer, Log: o.Log, OnPanic: o.Engine.OnPanic,
	})
	if err != nil {
		return err
	}
	options := o.Options
	options.NewAdapter, options.NewSocketID = s.cluster.NewAdapter, s.cluster.NewSocketID
	options.Engine.NewID = func() (string, error) { return identity.SealSessionID(s.cluster.NewSocketID()), nil }
	if s.IO, err = socketio.NewServer(options); err != nil {
		s.cluster.Close()
		return err
	}
	maxPayload := cmp.Or(o.Engine.MaxPayload, engineio.DefaultMaxPayload)
	s.forwarder = forward.New(forward.Options{
		Self: s.cluster.ID(), Find: s.cluster.FindPeer, AwaitGone: s.cluster.AwaitPeerGone,
		Identity: identity, Local: s.IO, MaxPayload: func() int64 { return maxPayload },
		Registerer: o.Registerer, Log: o.Log,
	})
	return nil
}

// peerAddress returns the address at which others reach the listener.
func peerAddress(o *Options, l net.Listener) string {
	port := o.PeerPort
	if tcp, ok := l.Addr().(*net.TCPAddr); ok && port == 0 {
		port = tcp.Port
	}
	return net.JoinHostPort(o.PeerHost, strconv.Itoa(port))
}

// logRecovery returns the settings of the event log, nil without recovery.
func logRecovery(o *Options) *cluster.Recovery {
	r := o.Recovery
	if r == nil {
		return nil
	}
	return &cluster.Recovery{
		MaxDisconnection: cmp.Or(max(r.MaxDisconnection, 0), socketio.DefaultMaxDisconnection),
		MaxMessages:      cmp.Or(max(r.MaxMessages, 0), socketio.DefaultMaxMessages),
		Detection:        o.Engine.DetectionTime(),
		Replicas:         o.Replicas,
		MaxBytes:         o.MaxBytes,
	}
}

// pathOf returns the prefix of the engine's requests, with a slash at its end.
func pathOf(c *engineio.Config) string {
	return strings.TrimSuffix(cmp.Or(c.Path, socketio.DefaultPath), "/") + "/"
}

func (s *Server) servePeers(ctx context.Context, l net.Listener, path string) {
	peers := forward.PeerHandler(forward.PeerOptions{
		Local: s.IO, Path: func() string { return path }, Release: s.IO.Release,
	})
	if err := httpserve.Serve(ctx, l, peers, httpserve.PeerHeaderLimit); err != nil {
		s.log.Error("other servers cannot reach this one any more", "error", err)
	}
}

// ServeHTTP serves the path of the engine, whichever server has the session.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.forwarder.ServeHTTP(w, r) }

// Connected reports whether NATS is connected now.
func (s *Server) Connected() bool { return s.cluster.Connected() }

// Ready reports whether the server is fully functional: NATS is connected and, with recovery,
// JetStream stores events. Use it for the readiness probe of a pod.
func (s *Server) Ready() bool { return s.cluster.Connected() && s.cluster.LogReady() }

// Drain refuses new connections and closes the open ones at an even pace, so that clients reconnect
// to other servers. It returns when they have gone, or when the context ends. Call Close
// afterwards.
func (s *Server) Drain(ctx context.Context, pace engineio.Pace) error {
	forwarded := make(chan struct{})
	go func() {
		defer close(forwarded)
		s.forwarder.Drain(ctx, pace.Over(s.IO.Connections()))
	}()
	err := s.IO.Drain(ctx, pace)
	<-forwarded
	if err != nil {
		return fmt.Errorf("drain connections: %w", err)
	}
	return nil
}

// Close ends all connections. Events that were emitted before are still sent. It may be called
// again.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.forwarder.Close()
		if err := s.IO.Close(); err != nil {
			s.closeErr = fmt.Errorf("close the Socket.IO server: %w", err)
		}
		s.stop()
		s.serving.Wait()
		s.cluster.Close()
	})
	return s.closeErr
}
