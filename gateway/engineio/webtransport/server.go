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
)

// Server serves WebTransport for an engineio.Server, whose Config.Transports must have engineio.WebTransport. All methods may be
// called from any goroutine. Close the engine first: that ends its sessions in good order.
type Server struct {
	engine *engineio.Server
	wt     *webtransport.Server
}

// New makes a server. The TLS configuration needs a certificate; for one that is signed by itself, which browsers take by
// its hash, ECDSA and at most 14 days (W3C WebTransport, "serverCertificateHashes").
func New(engine *engineio.Server, config *tls.Config) (*Server, error) {
	if config == nil || len(config.Certificates) == 0 && config.GetCertificate == nil && config.GetConfigForClient == nil {
		return nil, errors.New("configure webtransport: no TLS certificate")
	}
	s := &Server{engine: engine}
	s.wt = &webtransport.Server{
		H3: &http3.Server{
			TLSConfig:      http3.ConfigureTLSConfig(config),
			QUICConfig:     &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true, KeepAlivePeriod: keepAlive},
			Handler:        http.HandlerFunc(s.serve),
			MaxHeaderBytes: maxHeaderBytes,
		},
		// The engine judges the origin.
		CheckOrigin: func(*http.Request) bool { return true },
	}
	return s, nil
}

// Serve serves a UDP socket until Close, after which it returns nil. It does not close the socket.
func (s *Server) Serve(conn net.PacketConn) error {
	err := s.wt.Serve(conn)
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, quic.ErrServerClosed) { // by Close
		return nil
	}
	return fmt.Errorf("serve webtransport on %s: %w", conn.LocalAddr(), err)
}

// Close ends all connections and Serve.
func (s *Server) Close() error {
	if err := s.wt.Close(); err != nil {
		return fmt.Errorf("close webtransport: %w", err)
	}
	return nil
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.NotFound(w, r)
		return
	}
	s.engine.ServeWebTransport(w, r, func(ctx context.Context) (engineio.Stream, error) {
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
		return stream{first, session}, nil
	})
}

// stream is the one stream that Engine.IO uses of a session.
type stream struct {
	*webtransport.Stream
	session *webtransport.Session
}

// Close ends the session.
func (s stream) Close() error { return s.session.CloseWithError(0, "") }
