// SPDX-License-Identifier: Apache-2.0

package webtransport_test

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// soon is shorter than anything that a client takes its time for.
const soon = 200 * time.Millisecond

// connect opens a QUIC connection that asks for nothing.
func (f *fixture) connect() (*quic.Conn, error) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	conn, err := quic.DialAddr(ctx, strings.TrimSuffix(strings.TrimPrefix(f.url, "https://"), "/engine.io/"), f.clientTLS(), &quic.Config{EnableDatagrams: true, KeepAlivePeriod: time.Second})
	if err == nil {
		f.t.Cleanup(func() { conn.CloseWithError(0, "") })
	}
	return conn, err
}

func (f *fixture) clientTLS() *tls.Config {
	return &tls.Config{RootCAs: f.roots, NextProtos: []string{http3.NextProtoH3}}
}

func (f *fixture) mustConnect() *quic.Conn {
	f.t.Helper()
	conn, err := f.connect()
	if err != nil {
		f.t.Fatal(err)
	}
	return conn
}

func (f *fixture) wantEnd(conn *quic.Conn) {
	f.t.Helper()
	select {
	case <-conn.Context().Done():
	case <-time.After(patience):
		f.t.Fatal("a connection without a session lives on")
	}
}

func (f *fixture) wantEcho(s *client) {
	f.t.Helper()
	f.send(s.stream, "4hello")
	if got := f.read(s.stream); got != "4hello" {
		f.t.Errorf("read %q", got)
	}
}

func TestConnectionsThatAskForNothingEnd(t *testing.T) {
	f := start(t)
	f.server.Limit(64, soon)
	silent := make([]*quic.Conn, 40)
	for i := range silent {
		silent[i] = f.mustConnect()
	}
	for _, conn := range silent {
		f.wantEnd(conn)
	}
	enginetest.Eventually(t, "none is counted", func() bool { return f.server.Waiting() == 0 })
	if n := f.idle.Load(); n != 40 {
		t.Errorf("%d are told of", n)
	}
}

func TestConnectionsWithoutASessionAreBounded(t *testing.T) {
	f := start(t)
	f.server.Limit(3, time.Hour)
	one := f.mustConnect()
	f.mustConnect()
	f.mustConnect()
	if conn, err := f.connect(); err == nil {
		t.Errorf("one more is taken: %v", conn.RemoteAddr())
	}
	if n := f.full.Load(); n == 0 { // each packet of its first ones is refused
		t.Errorf("%d refusals are told of", n)
	}
	one.CloseWithError(0, "")
	enginetest.Eventually(t, "the one that has gone is not counted", func() bool { return f.server.Waiting() == 2 })
	s := f.open()
	f.wantEcho(s)
	enginetest.Eventually(t, "the one with a session is not counted", func() bool { return f.server.Waiting() == 2 })
	f.mustConnect()
}

func TestAConnectionLivesWithItsSession(t *testing.T) {
	f := start(t)
	f.server.Limit(64, soon)
	s := f.open()
	f.wantEnd(f.mustConnect()) // for as long a connection may be without a session
	f.wantEcho(s)
	s.session.CloseWithError(0, "")
	f.wantClosed(engineio.ReasonTransportClose)
	f.wantEnd(s.conn)
}

// A request that is no session's is not one that keeps a connection.
func TestRequestsOfAnotherKindKeepNoConnection(t *testing.T) {
	f := start(t)
	f.server.Limit(64, soon)
	conn := f.mustConnect()
	http := (&http3.Transport{}).NewClientConn(conn)
	stream, err := http.OpenRequestStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	f.wantEnd(conn)
}

func TestASessionWithoutAPacketKeepsNoConnection(t *testing.T) {
	f := start(t)
	f.server.Limit(64, soon)
	silent, slow := f.dialConn(), f.dialConn()
	stream, err := slow.session.OpenStreamSync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Write([]byte{126}); err != nil { // the first byte of a longer frame
		t.Fatal(err)
	}
	f.wantEnd(silent.conn)
	f.wantEnd(slow.conn)
	enginetest.Eventually(t, "none is counted", func() bool { return f.server.Waiting() == 0 })
}
