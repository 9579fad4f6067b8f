// SPDX-License-Identifier: Apache-2.0

// Package webtransport carries Engine.IO over WebTransport: HTTP/3 on a UDP port of its own, with a certificate, beside the
// TCP port of an engineio.Server. Clients upgrade to it from polling, or begin with it.
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
	// keepAlive is below what NATs and QUIC itself take for an idle connection (30 s), whatever the ping interval is.
	keepAlive = 15 * time.Second
	// maxHeaderBytes bounds the headers of a request, as net/http servers for the other transports do.
	maxHeaderBytes = 64 << 10
	// maxStreams is how many streams of either kind a client may have open. A session takes two that go both ways, the request and
	// its own, and HTTP/3 three that go one way.
	maxStreams = 8
	// streamWindow is how much a client may send on a stream before anybody reads it, and so what a stream that nobody reads can
	// hold. QUIC widens it up to maxStreamWindow for one that is read as fast as it comes.
	streamWindow    = 64 << 10
	maxStreamWindow = 1 << 20
)

// Server serves WebTransport for an engineio.Server, whose Config.Transports must have engineio.WebTransport.
type Server struct {
	// OnRefused is told of each connection that is refused, or that is closed as it has no session; nil: nobody is. It is set
	// before Serve, and called from many goroutines.
	OnRefused func(RefusalReason)

	engine  *engineio.Server
	wt      *webtransport.Server
	waiting *waiting
}

// New makes a server. The TLS configuration needs a certificate; for one that is signed by itself, which browsers take by
// its hash, ECDSA and at most 14 days (W3C WebTransport, "serverCertificateHashes").
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
		// The engine judges the origin.
		CheckOrigin: func(*http.Request) bool { return true },
	}
	return s, nil
}

// Serve serves a UDP socket until the context ends, then ends all connections and returns nil. Close the engine before: that
// ends its sessions in good order. It may be called once, and does not close the socket.
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

// accept serves connections until the context or the listener ends. Its error is never nil.
func (s *Server) accept(ctx context.Context, listener *quic.EarlyListener, connections *sync.WaitGroup) error {
	for {
		conn, err := listener.Accept(ctx)
		if err != nil {
			return err
		}
		visitOf(conn.Context()).meet(conn) //nolint:contextcheck // what Transport.ConnContext has made
		// Its error is that the connection has ended.
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
		accepted = &stream{Stream: first, session: session, visit: visitOf(r.Context())} //nolint:contextcheck // what Transport.ConnContext has made
		return accepted, nil
	})
	if taken {
		accepted.take()
	}
}
