// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

// examineOrigin examines whether pages of the origin may connect.
func examineOrigin(ctx context.Context, p *patient) []Finding {
	origin := p.options.Origin
	if origin == "" {
		return []Finding{skipped("give --origin if pages of another origin connect")}
	}
	s, err := p.begin(ctx, p.client)
	if err != nil {
		return []Finding{failed(nil, "another handshake: %v", err)}
	}
	defer s.end(ctx)
	allowed := s.handshake.header.Values("Access-Control-Allow-Origin")
	switch {
	case len(allowed) > 1:
		return []Finding{failed([]string{"let the gateways alone answer for CORS: remove such headers from " + p.proxy.name()},
			"Access-Control-Allow-Origin is there %d times, which browsers refuse", len(allowed))}
	case len(allowed) == 0 || allowed[0] != origin && allowed[0] != "*":
		return []Finding{failed([]string{fmt.Sprintf("spec.protocol.cors.origins: [%s]", origin)}, "pages of %s may not read the answers", origin)}
	}
	return []Finding{ok("pages of %s may connect", origin)}
}

// fewStreams is how many requests at the same time over one connection are few: each tab that polls
// has one that waits, and needs one more to send.
const fewStreams = 100

// examineStreams examines how many requests a browser can make at the same time: it has one
// connection of HTTP/2 for all its tabs.
func examineStreams(ctx context.Context, p *patient) []Finding {
	if p.url.Scheme == "http" {
		return []Finding{skipped("there is no HTTP/2 without TLS")}
	}
	ctx, cancel := within(ctx)
	defer cancel()
	connection, err := p.client.Transport.(*http.Transport).NewClientConn(ctx, "https", p.hostPort())
	if err != nil {
		return []Finding{failed(nil, "%v", err)}
	}
	defer func() { _ = connection.Close() }() // the session has ended
	s, err := p.begin(ctx, &http.Client{Transport: connection})
	if err != nil {
		return []Finding{failed(nil, "another handshake: %v", err)}
	}
	defer s.end(ctx)
	if s.handshake.protocol != "HTTP/2.0" {
		return []Finding{note(nil, "browsers use HTTP/1.1, with at most six connections for all tabs: the seventh that polls waits")}
	}
	most := connection.Available()
	if most < fewStreams {
		return []Finding{note(nil, "HTTP/2 with %d requests at the same time for all tabs of a browser; each that polls needs two", most)}
	}
	return []Finding{ok("HTTP/2 with %d requests at the same time", most)}
}

// examineWebTransport opens a session of WebTransport, over UDP at the same port.
func examineWebTransport(ctx context.Context, p *patient) []Finding {
	if !slices.Contains(p.open.Upgrades, "webtransport") {
		return []Finding{skipped("the server does not offer it")}
	}
	if p.url.Scheme == "http" {
		return []Finding{failed([]string{"use https"}, "the server offers WebTransport, which browsers use with https alone")}
	}
	ctx, cancel := within(ctx)
	defer cancel()
	config := p.tls.Clone()
	config.NextProtos = []string{http3.NextProtoH3}
	dialer := &webtransport.Transport{
		TLSClientConfig: config,
		QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
	}
	if p.options.ConnectTo != "" {
		config.ServerName = p.url.Hostname()
		dialer.DialAddr = func(ctx context.Context, _ string, tlsConfig *tls.Config, config *quic.Config) (*quic.Conn, error) {
			return quic.DialAddrEarly(ctx, p.dialed(), tlsConfig, config)
		}
	}
	defer func() { _ = dialer.Close() }() // the session is closed
	u := p.query("webtransport", "")
	_, session, err := dialer.Dial(ctx, u.String(), p.headers()) //nolint:bodyclose // it is that of the session, which is closed
	if err != nil {
		return []Finding{failed([]string{fmt.Sprintf("lead UDP at %s to port webTransportPort of the Service (docs/how-to/expose.md#webtransport)", p.hostPort())},
			"the server offers WebTransport, and UDP does not reach it: %v", err)}
	}
	_ = session.CloseWithError(0, "") // it was opened, which is all
	return []Finding{ok("UDP gets through")}
}
