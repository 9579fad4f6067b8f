// SPDX-License-Identifier: Apache-2.0

// Package clustered runs a Socket.IO server in several programs that are one to their clients, over NATS: rooms span them, any
// of them takes any client's request, so that no load balancer has to be sticky, and a client that has lost one comes back to
// another. It is what gateways do, for a program of one's own:
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

// DefaultPeerListen is where servers listen for each other.
const DefaultPeerListen = ":7443"

// Options configure a Server. Service, NATSURLs, Secrets and PeerHost are needed.
type Options struct {
	// Service names what the servers are together. Servers of other services on the same NATS do not hear them.
	Service string
	// Name of this server in logs and in NATS's monitoring; the host's name by default.
	Name string
	// NATSURLs are the NATS servers, NATSCredentialsDir a folder with what they ask for: user.creds, or token, or username and
	// password; ca.crt, tls.crt, tls.key.
	NATSURLs           []string
	NATSCredentialsDir string
	// Secrets are what servers know each other by; see forward.SharedIdentity. Whoever has one can take over sessions.
	Secrets [][]byte
	// PeerListen is where this server listens for the others, DefaultPeerListen if empty; they connect by TLS, with certificates.
	// PeerHost is the host on which they reach it, such as the pod's IP address, and PeerPort the port, if that is not the one
	// that it listens on.
	PeerListen string
	PeerHost   string
	PeerPort   int
	// Options are those of the Socket.IO server. With a Recovery, events and sessions are stored in JetStream, and what differs is
	// that MaxSessions means nothing. NewAdapter and NewSocketID, and Engine.NewID, are the cluster's.
	socketio.Options
	// Replicas is on how many NATS servers events are stored, 1 if zero; MaxBytes bounds how much, as NATS does if zero.
	Replicas int
	MaxBytes int64
	// Registerer gets the metrics; none if nil.
	Registerer prometheus.Registerer
}

// Server is one of the servers. It is an http.Handler for the path of its engine, which is IO's. Safe for concurrent use. Close
// ends it.
type Server struct {
	// IO is the Socket.IO server. It is drained and closed by the Server's methods, not by its own.
	IO *socketio.Server

	cluster   *cluster.Cluster
	forwarder *forward.Forwarder
	stop      context.CancelFunc
	serving   sync.WaitGroup
	closing   sync.Once
	closeErr  error // set within closing
	log       *slog.Logger
}

// NewServer starts a server. It returns at once, whether NATS is there or not, and keeps trying; Connected tells. Until then clients
// can connect, and do not hear those of other servers.
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

// check refuses options without which servers do not find each other.
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

// peerAddress is where others reach the listener.
func peerAddress(o *Options, l net.Listener) string {
	port := o.PeerPort
	if tcp, ok := l.Addr().(*net.TCPAddr); ok && port == 0 {
		port = tcp.Port
	}
	return net.JoinHostPort(o.PeerHost, strconv.Itoa(port))
}

// logRecovery is what the log of events has to know; nil without recovery.
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

// pathOf is the prefix of the engine's requests, with a slash at its end.
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

// ServeHTTP serves the path of the engine, whichever server the session is on.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.forwarder.ServeHTTP(w, r) }

// Connected tells whether NATS is connected now.
func (s *Server) Connected() bool { return s.cluster.Connected() }

// Ready tells whether the server can do all that is asked of it: NATS is connected and, with recovery, JetStream stores what is
// emitted. It is for the readiness of a pod.
func (s *Server) Ready() bool { return s.cluster.Connected() && s.cluster.LogReady() }

// Drain refuses new connections and closes those that are open at an even pace, so that clients come back on the other servers.
// It returns when they have gone, or the context ends; then Close.
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

// Close ends all connections. What was emitted before goes out. Closing again is harmless.
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
