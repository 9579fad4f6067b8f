// SPDX-License-Identifier: Apache-2.0

package webtransport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	wt "github.com/quic-go/webtransport-go"
	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/webtransport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// certificate is signed by itself, as browsers take it by its hash.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// echo sends back what it gets, and tells how it ends.
type echo struct {
	session *engineio.Session
	closed  chan engineio.CloseReason
}

func (e *echo) OnMessage(data []byte, binary bool) {
	if binary {
		_ = e.session.Send(engineio.NewBinary(data))
		return
	}
	_ = e.session.Send(engineio.NewText(data))
}

func (e *echo) OnClose(reason engineio.CloseReason, _ error) { e.closed <- reason }

type fixture struct {
	t      *testing.T
	engine *engineio.Server
	server *webtransport.Server
	url    string
	roots  *x509.CertPool
	closed chan engineio.CloseReason
	// full and idle count connections that are refused.
	full, idle atomic.Int32
}

func (f *fixture) refused(reason webtransport.RefusalReason) {
	switch reason {
	case webtransport.RefusedFull:
		f.full.Add(1)
	case webtransport.RefusedIdle:
		f.idle.Add(1)
	}
}

func start(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, closed: make(chan engineio.CloseReason, 10)}
	engine, err := engineio.NewServer(engineio.Config{
		Transports: []string{engineio.Polling, engineio.WebTransport},
		OnSession:  func(s *engineio.Session) engineio.Handler { return &echo{s, f.closed} },
	})
	if err != nil {
		t.Fatal(err)
	}
	f.engine = engine
	var cert tls.Certificate
	cert, f.roots = certificate(t)
	server, err := webtransport.New(engine, &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	f.server = server
	server.OnRefused = f.refused
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.url = "https://" + socket.LocalAddr().String() + "/engine.io/"
	served := make(chan error, 1)
	serving, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() { served <- server.Serve(serving, socket) }()
	t.Cleanup(func() {
		engine.Close()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		socket.Close()
	})
	return f
}

// dial opens a WebTransport session and its stream.
func (f *fixture) dial() (*wt.Session, *wt.Stream) {
	f.t.Helper()
	c := f.dialConn()
	stream, err := c.session.OpenStreamSync(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	stream.SetDeadline(time.Now().Add(patience))
	return c.session, stream
}

// client is a WebTransport session and what carries it.
type client struct {
	conn    *quic.Conn
	session *wt.Session
	stream  *wt.Stream
}

// open opens an Engine.IO session.
func (f *fixture) open() *client {
	f.t.Helper()
	c := f.dialConn()
	var err error
	if c.stream, err = c.session.OpenStreamSync(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	c.stream.SetDeadline(time.Now().Add(patience))
	f.send(c.stream, "0")
	sessionID(f.t, f.read(c.stream))
	return c
}

// dialConn opens a WebTransport session by a connection of its own.
func (f *fixture) dialConn() *client {
	f.t.Helper()
	c := &client{}
	client := &wt.Transport{
		TLSClientConfig: f.clientTLS(),
		QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
		DialAddr: func(ctx context.Context, address string, tlsConfig *tls.Config, config *quic.Config) (*quic.Conn, error) {
			conn, err := quic.DialAddrEarly(ctx, address, tlsConfig, config)
			c.conn = conn
			return conn, err
		},
	}
	f.t.Cleanup(func() { client.Close() })
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	response, session, err := client.Dial(ctx, f.url, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		response.Body.Close()
		session.CloseWithError(0, "")
	})
	c.session = session
	return c
}

// send writes a short text frame.
func (f *fixture) send(w io.Writer, packet string) {
	f.t.Helper()
	if _, err := w.Write(append([]byte{byte(len(packet))}, packet...)); err != nil {
		f.t.Fatal(err)
	}
}

// read reads a text frame of less than 64 KiB.
func (f *fixture) read(r io.Reader) string {
	f.t.Helper()
	var h [3]byte
	if _, err := io.ReadFull(r, h[:1]); err != nil {
		f.t.Fatal(err)
	}
	n := int(h[0])
	if n == 126 {
		if _, err := io.ReadFull(r, h[1:]); err != nil {
			f.t.Fatal(err)
		}
		n = int(h[1])<<8 | int(h[2])
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		f.t.Fatal(err)
	}
	return string(b)
}

func (f *fixture) wantClosed(reason engineio.CloseReason) {
	f.t.Helper()
	select {
	case got := <-f.closed:
		if got != reason {
			f.t.Errorf("closed by %q, want %q", got, reason)
		}
	case <-time.After(patience):
		f.t.Fatal("session did not end")
	}
}

func sessionID(t *testing.T, packet string) string {
	t.Helper()
	var open struct {
		SessionID string `json:"sid"`
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(packet, "0")), &open); err != nil || open.SessionID == "" {
		t.Fatalf("%q is no open packet: %v", packet, err)
	}
	return open.SessionID
}

func TestSessionOverHTTP3(t *testing.T) {
	f := start(t)
	session, stream := f.dial()
	f.send(stream, "0")
	sessionID(t, f.read(stream))
	f.send(stream, "4über")
	if got := f.read(stream); got != "4über" {
		t.Errorf("read %q", got)
	}
	session.CloseWithError(0, "")
	f.wantClosed(engineio.ReasonTransportClose)
}

func TestUpgradeFromPolling(t *testing.T) {
	f := start(t)
	w := httptest.NewRecorder()
	f.engine.ServeHTTP(w, httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling", nil))
	id := sessionID(t, w.Body.String())
	_, stream := f.dial()
	f.send(stream, `0{"sid":"`+id+`"}`)
	f.send(stream, "2probe")
	if got := f.read(stream); got != "3probe" {
		t.Errorf("read %q", got)
	}
	f.send(stream, "5")
	f.send(stream, "4hello")
	if got := f.read(stream); got != "4hello" {
		t.Errorf("read %q", got)
	}
}

func TestCloseSendsWhatWaits(t *testing.T) {
	f := start(t)
	session, stream := f.dial()
	f.send(stream, "0")
	sessionID(t, f.read(stream))
	drained := make(chan error, 1)
	f.send(stream, "4hello")
	if got := f.read(stream); got != "4hello" {
		t.Errorf("read %q", got)
	}
	go func() { drained <- f.engine.Drain(t.Context(), engineio.Pace{Within: time.Millisecond}) }()
	select {
	case <-session.Context().Done(): // the client sees the end of the session, not of the stream
	case <-time.After(patience):
		t.Fatal("client's session did not end")
	}
	f.wantClosed(engineio.ReasonServerShuttingDown)
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestCertificateIsRequired(t *testing.T) {
	if _, err := webtransport.New(nil, &tls.Config{}); err == nil {
		t.Error("accepted a configuration without a certificate")
	}
}
