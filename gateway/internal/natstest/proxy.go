// SPDX-License-Identifier: Apache-2.0

package natstest

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// Proxy is the way of one gateway to NATS, which a test can cut. Safe for concurrent use. It ends with the test.
type Proxy struct {
	target   string
	listener net.Listener
	done     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{} // guarded by mu
	cut   bool                  // guarded by mu
	held  chan struct{}         // closed when bytes from NATS may go on; guarded by mu
}

// NewProxy listens on loopback and leads to a server's URL.
func NewProxy(t testing.TB, url string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for a proxy: %v", err)
	}
	p := &Proxy{target: strings.TrimPrefix(url, "nats://"), listener: l, conns: map[net.Conn]struct{}{}, held: make(chan struct{})}
	close(p.held)
	p.done.Go(p.accept)
	t.Cleanup(func() {
		p.Resume()
		l.Close()
		p.Cut()
		p.done.Wait()
	})
	return p
}

// URL leads to the server by way of the proxy.
func (p *Proxy) URL() string { return "nats://" + p.listener.Addr().String() }

// Cut ends all connections, and those that come, until Mend.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for c := range p.conns {
		c.Close()
	}
}

// Mend lets connections through again.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

// Pause holds back what the server sends, until Resume.
func (p *Proxy) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = make(chan struct{})
}

// Resume lets it go on.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.held:
	default:
		close(p.held)
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		if !p.add(client, server) {
			continue
		}
		p.done.Go(func() { p.pipe(server, client, client) })
		p.done.Go(func() { p.pipe(client, server, &gate{p, server}) })
	}
}

func (p *Proxy) add(client, server net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		client.Close()
		server.Close()
		return false
	}
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	return true
}

// pipe copies until one of the two ends, and ends both.
func (p *Proxy) pipe(to, from net.Conn, source io.Reader) {
	_, _ = io.Copy(to, source) // whatever ends it
	to.Close()
	from.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, to)
	delete(p.conns, from)
}

// gate reads when the proxy lets it.
type gate struct {
	proxy *Proxy
	conn  net.Conn
}

func (g *gate) Read(b []byte) (int, error) {
	n, err := g.conn.Read(b)
	g.proxy.mu.Lock()
	held := g.proxy.held
	g.proxy.mu.Unlock()
	<-held
	return n, err
}
