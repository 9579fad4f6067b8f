// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// InBubble runs a test in a bubble of testing/synctest, with a server as by Start. In place of a
// network there are pipes, so time passes when everybody waits, however busy the machine is.
func InBubble(t *testing.T, test func(*testing.T, *Server), configure ...func(*engineio.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pipes := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
		s := start(t, func(h http.Handler) *httptest.Server {
			web := &httptest.Server{Listener: pipes, Config: &http.Server{Handler: h}}
			web.Start()
			web.Client().Transport.(*http.Transport).DialContext = pipes.dial
			return web
		}, configure)
		s.dialContext = pipes.dial
		test(t, s)
	})
}

// pipes are a net.Listener without a network.
type pipes struct {
	accepted chan net.Conn
	closing  sync.Once
	closed   chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.accepted <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.closing.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener. The address is not used.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }
