// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/webtransport"
	"github.com/realtime-operator/realtime-operator/gateway/keypair"
)

// ServeWebTransport serves clients on a UDP socket until the context ends, and closes the socket.
// The gateway must have been made with Options.WebTransport; clients are refused while its
// configuration has no WebTransport. Close the gateway before the context ends: Close ends its
// connections properly, while the end of the context cuts them off.
func (g *Gateway) ServeWebTransport(ctx context.Context, socket net.PacketConn, config *tls.Config) error {
	defer socket.Close()
	server, err := webtransport.New(g.io.Engine(), config)
	if err != nil {
		return err
	}
	server.OnRefused = func(reason webtransport.RefusalReason) { g.refusedQUIC.WithLabelValues(string(reason)).Inc() }
	return server.Serve(ctx, socket)
}

// registerRefusedQUIC counts QUIC connections without a session by reason, each from zero on. A
// gateway without WebTransport has no such metric.
func registerRefusedQUIC(r *prometheus.Registry, webTransport bool) *prometheus.CounterVec {
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_webtransport_connections_refused_total",
		Help: "QUIC connections that were refused as too many had no session, or closed as they had none for too long, by reason.",
	}, []string{"reason"})
	for _, reason := range webtransport.RefusalReasons() {
		refused.WithLabelValues(string(reason))
	}
	if webTransport {
		r.MustRegister(refused)
	}
	return refused
}

// udp is the socket on which a gateway pod serves WebTransport clients.
type udp struct {
	socket      net.PacketConn
	certificate *keypair.Pair
}

// listenUDP opens the socket; nil if there is none.
func listenUDP(o RunOptions) (*udp, error) {
	if o.WebTransportListen == "" {
		return nil, nil
	}
	certificate, err := keypair.Load(o.WebTransportCertificateDir)
	if err != nil {
		return nil, fmt.Errorf("set up WebTransport: %w", err)
	}
	socket, err := net.ListenPacket("udp", o.WebTransportListen)
	if err != nil {
		return nil, fmt.Errorf("listen for WebTransport: %w", err)
	}
	return &udp{socket, certificate}, nil
}

// address returns its address, for the log.
func (u *udp) address() string {
	if u == nil {
		return "off"
	}
	return u.socket.LocalAddr().String()
}

// serve adds a goroutine to a group that serves the socket until the context ends.
func (u *udp) serve(ctx context.Context, group *errgroup.Group, g *Gateway) {
	if u == nil {
		return
	}
	g.log.Info("the certificate of WebTransport is read", "until", u.certificate.NotAfter())
	g.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_webtransport_certificate_expiry_timestamp_seconds", Help: "When the certificate of WebTransport ends.",
	}, func() float64 { return float64(u.certificate.NotAfter().Unix()) }))
	group.Go(func() error { return u.certificate.Watch(ctx, g.log) })
	group.Go(func() error {
		return g.ServeWebTransport(ctx, u.socket, &tls.Config{GetCertificate: u.certificate.Get, MinVersion: tls.VersionTLS13})
	})
}
