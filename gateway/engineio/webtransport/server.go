// SPDX-License-Identifier: Apache-2.0

// Package webtransport carries Engine.IO over WebTransport: HTTP/3 on a UDP port of its own, with a
// certificate, in addition to the TCP port of an engineio.Server. Clients upgrade to it from
// polling, or begin with it.
package webtransport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

const (
	// keepAlive is shorter than the time after which NATs and QUIC itself consider a connection
	// idle (30 s), whatever the ping interval is.
	keepAlive = 15 * time.Second
	// maxHeaderBytes limits the headers of a request, as net/http servers for the other transports
	// do.
	maxHeaderBytes = 64 << 10
	// maxStreams is the maximum number of open streams of either kind per client. A session takes
	// two bidirectional streams, the request and its own, and HTTP/3 three unidirectional ones.
	maxStreams = 8
	// streamWindow is how many bytes a client may send on a stream before any are read, and so the
	// memory of a stream that is not read. For a stream that is read as fast as data arrives, QUIC
	// increases it up to maxStreamWindow.
	streamWindow    = 64 << 10
	maxStreamWindow = 1 << 20
)

// Server serves WebTransport for an engineio.Server, whose Config.Transports must have
// engineio.WebTransport.
type Server struct {
	// OnRefused is called for each connection that is refused, or closed because it has no session.
	// It may be nil. It must be set before Serve, and is called from many goroutines.
	OnRefused func(RefusalReason)

	engine  *engineio.Server
	wt      *webtransport.Server
	waiting *waiting
}

// New makes a server. The TLS configuration needs a certificate. Browsers accept a self-signed one
// by its hash if it uses ECDSA and is valid for at most 14 days (W3C WebTransport,
// "serverCertificateHashes").
func New(engine *engineio.Server, config *tls.Config) (*Server, error) {
	if config == nil || len(config.Certificates) == 0 && config.GetCertificate == nil && config.GetConfigForClient == nil {
		return nil, errors.New("configure webtransport: no TLS certificate")
	}
	s := &Server{engine: engine}
	s.waiting = &waiting{max: maxWaiting, time: waitingTime, refused: s.refused}
	s.wt = &webtransport.Server{
		H3: &http3.Server{
			TLSConfig: http3.ConfigureTLSConfig(config),
			QUICConfig: &quic.Config{
				EnableDatagrams: true, EnableStreamResetPartialDelivery: true, KeepAlivePeriod: keepAlive,
				MaxIncomingStreams: maxStreams, MaxIncomingUniStreams: maxStreams,
				InitialStreamReceiveWindow: streamWindow, InitialConnectionReceiveWindow: 2 * streamWindow,
				MaxStreamReceiveWindow: maxStreamWindow, MaxConnectionReceiveWindow: 2 * maxStreamWindow,
			},
			Handler:        http.HandlerFunc(s.serve),
			MaxHeaderBytes: maxHeaderBytes,
		},
		// The engine checks the origin.
		CheckOrigin: func(*http.Request) bool { return true },
	}
	return s, nil
}

// Serve serves a UDP socket until the context ends, then ends all connections and returns nil.
// Close the engine first, which ends its sessions gracefully. Serve may be called once, and does
// not close the socket.
func (s *Server) Serve(ctx context.Context, socket net.PacketConn) error {
	transport := &quic.Transport{Conn: socket, ConnContext: s.waiting.enter, VerifySourceAddress: s.waiting.verify}
	listener, err := transport.ListenEarly(s.wt.H3.TLSConfig, s.wt.H3.QUICConfig)
	if err != nil {
		return fmt.Errorf("serve webtransport on %s: %w", socket.LocalAddr(), err)
	}
	var connections sync.WaitGroup
	err = s.accept(ctx, listener, &connections)
	if ctx.Err() != nil {
		err = nil
	}
	err = errors.Join(err, s.wt.Close())
	connections.Wait()
	if err := errors.Join(err, listener.Close(), transport.Close()); err != nil {
		return fmt.Errorf("serve webtransport on %s: %w", socket.LocalAddr(), err)
	}
	return nil
}

// accept serves connections until the context or the listener ends. The error is never nil.
func (s *Server) accept(ctx context.Context, listener *quic.EarlyListener, connections *sync.WaitGroup) error {
	for {
		conn, err := listener.Accept(ctx)
		if err != nil {
			return err
		}
		visitOf(conn.Context()).meet(conn) //nolint:contextcheck // made by Transport.ConnContext
		// The error means that the connection has ended.
		connections.Go(func() { _ = s.wt.ServeQUICConn(conn) })
	}
}

func (s *Server) refused(reason RefusalReason) {
	if s.OnRefused != nil {
		s.OnRefused(reason)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.NotFound(w, r)
		return
	}
	var accepted *stream
	taken := s.engine.ServeWebTransport(w, r, func(ctx context.Context) (engineio.Stream, error) {
		session, err := s.wt.Upgrade(w, r)
		if err != nil {
			http.Error(w, "not a WebTransport request", http.StatusBadRequest)
			return nil, fmt.Errorf("accept webtransport session: %w", err)
		}
		first, err := session.AcceptStream(ctx)
		if err != nil {
			_ = session.CloseWithError(0, "") // for want of a stream
			return nil, fmt.Errorf("accept webtransport stream: %w", err)
		}
		accepted = &stream{Stream: first, session: session, visit: visitOf(r.Context())} //nolint:contextcheck // made by Transport.ConnContext
		return accepted, nil
	})
	if taken {
		accepted.take()
	}
}
