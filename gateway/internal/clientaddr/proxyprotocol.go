// SPDX-License-Identifier: Apache-2.0

package clientaddr

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

const (
	// headerPatience is how long a proxy may take to send the header, which comes with the first
	// packet.
	headerPatience = 5 * time.Second
	// maxV1 is the size of the longest header of version 1, in bytes; maxV2 bounds what follows the
	// first 16 bytes of one of version 2: addresses, and what clouds add.
	maxV1 = 107
	maxV2 = 4096
)

// signature begins a header of version 2. No header of version 1 is as short.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

// Listener returns a listener for clients. Connections of trusted proxies must begin with a header
// of the PROXY protocol (version 1 or 2) if Trust.ProxyProtocol is set when they are accepted;
// those of others are as they come.
func (v *Resolver) Listener(l net.Listener) net.Listener { return &listener{l, v} }

type listener struct {
	net.Listener
	resolver *Resolver
}

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.resolver.meet(conn), nil
}

func (v *Resolver) meet(conn net.Conn) net.Conn {
	t := v.trust.Load()
	peer, ok := conn.RemoteAddr().(*net.TCPAddr)
	if t == nil || !t.ProxyProtocol || !ok || !t.trusts(plain(peer.AddrPort().Addr())) {
		return conn
	}
	return &Conn{Conn: conn, tell: v.tell}
}

// Conn is a connection of a proxy that begins with a header of the PROXY protocol. The header is
// read when somebody asks for the address, or reads, which is the goroutine that serves the
// connection: a proxy that is slow keeps nobody else waiting.
//
// The library's own connection reads ahead. This one takes not a byte more than the header from the
// socket, so that Plain can be handed on.
type Conn struct {
	net.Conn
	tell func(Problem)

	once sync.Once
	// client is nil if the header names nobody. It and err are set within once.
	client net.Addr
	err    error
}

// RemoteAddr returns the client's address, or the proxy's if the header is missing or names nobody.
func (c *Conn) RemoteAddr() net.Addr {
	c.once.Do(c.greet)
	if c.client == nil {
		return c.Conn.RemoteAddr()
	}
	return c.client
}

// Read reads what follows the header.
func (c *Conn) Read(p []byte) (int, error) {
	c.once.Do(c.greet)
	if c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(p)
}

// Plain returns the connection beneath, behind the header.
func (c *Conn) Plain() net.Conn {
	c.once.Do(c.greet)
	return c.Conn
}

func (c *Conn) greet() {
	c.client, c.err = c.readHeader()
	if c.err != nil {
		c.tell(Unproxied)
	}
}

// readHeader returns the address that the header names, nil if it names none: a proxy's own
// connection (LOCAL), or a client that is none of TCP.
func (c *Conn) readHeader() (net.Addr, error) {
	if err := c.SetReadDeadline(time.Now().Add(headerPatience)); err != nil {
		return nil, fmt.Errorf("read a PROXY header: %w", err)
	}
	raw, err := cutHeader(c.Conn)
	if err != nil {
		return nil, fmt.Errorf("read a PROXY header: %w", err)
	}
	header, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("read a PROXY header: %w", err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("read a PROXY header: %w", err)
	}
	if client, ok := header.SourceAddr.(*net.TCPAddr); ok && header.Command.IsProxy() {
		return client, nil
	}
	return nil, nil
}

// cutHeader reads a header, and nothing behind it.
func cutHeader(r io.Reader) ([]byte, error) {
	var buffer [maxV1]byte
	header := buffer[:len(signature)]
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	if string(header) == signature {
		return cutV2(r, header)
	}
	for header[len(header)-1] != '\n' { // by bytes: only its end tells its length
		n := len(header)
		if n == maxV1 {
			return nil, proxyproto.ErrVersion1HeaderTooLong
		}
		header = buffer[:n+1]
		if _, err := io.ReadFull(r, header[n:]); err != nil {
			return nil, err
		}
	}
	return header, nil
}

func cutV2(r io.Reader, begin []byte) ([]byte, error) {
	header := append(make([]byte, 0, 64), begin...)
	header = append(header, 0, 0, 0, 0) // version, family and length
	if _, err := io.ReadFull(r, header[len(begin):]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint16(header[len(header)-2:])
	if n > maxV2 {
		return nil, proxyproto.ErrInvalidLength
	}
	header = append(header, make([]byte, n)...)
	if _, err := io.ReadFull(r, header[len(header)-int(n):]); err != nil {
		return nil, err
	}
	return header, nil
}

type connKey struct{}

// ConnContext lets Resolver.Request see the connection of a request (http.Server.ConnContext).
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*Conn); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// isAnonymous reports whether the proxy does not know who has opened the connection. Then nobody
// knows either who has written its requests' headers.
func isAnonymous(ctx context.Context) bool {
	c, ok := ctx.Value(connKey{}).(*Conn)
	return ok && c.client == nil
}
