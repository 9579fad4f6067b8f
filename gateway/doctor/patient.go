// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// patient is the service under examination, and what is known of it.
type patient struct {
	options Options
	// url is that of Engine.IO's requests, without a query.
	url *url.URL
	tls *tls.Config
	// client keeps connections, as browsers do; it follows no redirect, since WebSockets do not.
	client *http.Client
	// proxy is whoever answers; see proxyOf.
	proxy proxy
	// open is what the server says of itself in the first handshake.
	open openPacket
	// prompt is what an answer may take that waits for nothing.
	prompt time.Duration
	// hopeless is set when there is no handshake, so that nothing else can be examined.
	hopeless bool
	// problemsBefore are the gateways' counts before the examination; see examineAddress.
	problemsBefore problems
}

// openPacket is the content of the packet that begins a session; times are in milliseconds, and
// maxPayload in bytes (Engine.IO protocol, "Handshake").
type openPacket struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int64    `json:"pingInterval"`
	PingTimeout  int64    `json:"pingTimeout"`
	MaxPayload   int64    `json:"maxPayload"`
}

func (o openPacket) pingInterval() time.Duration {
	return time.Duration(o.PingInterval) * time.Millisecond
}

func newPatient(o Options) (*patient, error) {
	u, err := engineURL(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Namespace == "" {
		o.Namespace = "/"
	}
	if o.Auth != nil && !json.Valid(o.Auth) {
		return nil, errors.New("the auth payload is not JSON")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.Insecure} //nolint:gosec // a person has asked for it
	if o.CAFile != "" {
		if config.RootCAs, err = readAuthorities(o.CAFile); err != nil {
			return nil, err
		}
	}
	p := &patient{options: o, url: u, tls: config, prompt: prompt}
	p.client = p.newClient()
	return p, nil
}

func engineURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no URL: %w", text, err)
	}
	switch u.Scheme {
	case "http", "https":
	case "ws", "wss":
		u.Scheme = map[string]string{"ws": "http", "wss": "https"}[u.Scheme]
	default:
		return nil, fmt.Errorf("%s: want a URL with http or https", text)
	}
	if u.Host == "" {
		return nil, fmt.Errorf("%s: there is no host in this URL", text)
	}
	u.RawQuery, u.Fragment = "", ""
	if u.Path == "" || u.Path == "/" {
		u.Path = "/socket.io/"
	}
	return u, nil
}

func readAuthorities(name string) (*x509.CertPool, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the certificates of authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s has no certificate in PEM", name)
	}
	return pool, nil
}

// newClient returns a client with connections of its own.
func (p *patient) newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = p.tls.Clone()
	transport.ForceAttemptHTTP2 = true
	transport.DisableCompression = true
	if p.options.ConnectTo != "" {
		transport.Proxy, transport.DialContext = nil, p.dialTCP
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (p *patient) close() { p.client.CloseIdleConnections() }

// query returns the URL of a request.
func (p *patient) query(transport, sid string) *url.URL {
	u := *p.url
	values := url.Values{"EIO": {"4"}, "transport": {transport}}
	if sid != "" {
		values.Set("sid", sid)
	}
	u.RawQuery = values.Encode()
	return &u
}

// headers returns what each request has.
func (p *patient) headers() http.Header {
	h := http.Header{"User-Agent": {"realtime-doctor"}}
	for name, values := range p.options.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	if p.options.Origin != "" {
		h.Set("Origin", p.options.Origin)
	}
	return h
}

// hostPort returns the address of the service, for those who dial it themselves.
func (p *patient) hostPort() string {
	if p.url.Port() != "" {
		return p.url.Host
	}
	return net.JoinHostPort(p.url.Hostname(), map[string]string{"http": "80", "https": "443"}[p.url.Scheme])
}

// dialed returns the address that is dialed, which options may name.
func (p *patient) dialed() string {
	to := p.options.ConnectTo
	if to == "" {
		return p.hostPort()
	}
	if _, _, err := net.SplitHostPort(to); err == nil {
		return to
	}
	_, port, _ := net.SplitHostPort(p.hostPort()) // which has been joined
	return net.JoinHostPort(strings.Trim(to, "[]"), port)
}

// dialTCP opens a connection to the service, whatever the address of the URL.
func (p *patient) dialTCP(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, p.dialed())
}

// within returns a context for something that should be immediate.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience)
}
