// SPDX-License-Identifier: Apache-2.0

package natstest

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Proxy is the way of one gateway to NATS, which a test can cut. Safe for concurrent use. It ends
// with the test.
type Proxy struct {
	target   string
	listener net.Listener
	done     sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]struct{} // of both sides; guarded by mu
	clients map[net.Conn]struct{} // guarded by mu
	cut     bool                  // guarded by mu
	held    chan struct{}         // closed when bytes from NATS may go on; guarded by mu
	heldUp  chan struct{}         // closed when bytes to NATS may go on; guarded by mu
	delay   time.Duration         // guarded by mu
}

// NewProxy listens on loopback and leads to a server's URL.
func NewProxy(t testing.TB, url string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for a proxy: %v", err)
	}
	p := &Proxy{
		target: strings.TrimPrefix(url, "nats://"), listener: l, held: make(chan struct{}), heldUp: make(chan struct{}),
		conns: map[net.Conn]struct{}{}, clients: map[net.Conn]struct{}{},
	}
	p.Resume()
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
func (p *Proxy) URL() string { return "nats://" + p.Address() }

// Address is the host and port that lead there.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

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

// Stall holds back what either side sends, until Resume, and closes nothing: as a network that
// drops all packets.
func (p *Proxy) Stall() {
	p.Pause()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heldUp = make(chan struct{})
}

// Resume lets both go on.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, held := range []chan struct{}{p.held, p.heldUp} {
		select {
		case <-held:
		default:
			close(held)
		}
	}
}

// Inject sends bytes to the clients as if the server had. It is for a moment at which the server
// sends nothing.
func (p *Proxy) Inject(data string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.clients {
		if _, err := io.WriteString(c, data); err != nil {
			return fmt.Errorf("send to a client of NATS: %w", err)
		}
	}
	return nil
}

// Delay has all that comes from now on, either way, arrive later by a time.
func (p *Proxy) Delay(by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = by
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
		p.done.Go(func() { p.pipe(server, client, &gate{p, client, func() chan struct{} { return p.heldUp }}) })
		p.done.Go(func() { p.pipe(client, server, &gate{p, server, func() chan struct{} { return p.held }}) })
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
	p.conns[client], p.conns[server], p.clients[client] = struct{}{}, struct{}{}, struct{}{}
	return true
}

// pipe copies until one of the two ends, and ends both.
func (p *Proxy) pipe(to, from net.Conn, source io.Reader) {
	chunks := make(chan chunk, delayed)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(chunks)
		for {
			b := make([]byte, 32<<10)
			n, err := source.Read(b)
			if n > 0 {
				chunks <- chunk{b[:n], time.Now().Add(p.delayNow())}
			}
			if err != nil {
				return
			}
		}
	})
	for c := range chunks {
		if wait := time.Until(c.due); wait > 0 {
			<-time.After(wait)
		}
		if _, err := to.Write(c.data); err != nil {
			break
		}
	}
	to.Close()
	from.Close()
	for range chunks { // what cannot be written any more
	}
	reading.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range []net.Conn{to, from} {
		delete(p.conns, c)
		delete(p.clients, c)
	}
}

// chunk is what was read at once, and when it is to be written.
type chunk struct {
	data []byte
	due  time.Time
}

// delayed is how many chunks may be on their way.
const delayed = 4096

func (p *Proxy) delayNow() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delay
}

// gate reads when the proxy lets it.
type gate struct {
	proxy *Proxy
	conn  net.Conn
	held  func() chan struct{} // called with the proxy's mu held
}

func (g *gate) Read(b []byte) (int, error) {
	n, err := g.conn.Read(b)
	g.proxy.mu.Lock()
	held := g.held()
	g.proxy.mu.Unlock()
	<-held
	return n, err
}
