// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// stage is how far a connection has come.
type stage int

const (
	stageDialing stage = iota
	stageUpgrading
	stageConnecting
	stageReady
)

// conn is one client. The loop's thread alone touches it.
type conn struct {
	fd    int
	index int
	addr  netip.AddrPort
	stage stage
	// partial is the beginning of what has not come in full, waiting what the socket did not take.
	// Both are nil nearly always.
	partial, waiting []byte
	// group and member are its place among receivers.
	group, member int
	asked         int64     // ns; when it sent what is not answered yet
	tls           *tls.Conn // nil without
	inflater      *inflater // shared by all; nil: nothing comes compressed
}

// dial begins to connect. A slow client has the segments of an ethernet and a small buffer, so that
// what it does not read piles up at the server.
func dial(addr netip.AddrPort, slow bool) (*conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	// A reset at the end, so that ports do not linger.
	err = errors.Join(err, unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
	if slow {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096),
			unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1460))
	}
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})
	}
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		unix.Close(fd)
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return &conn{fd: fd, addr: addr}, nil
}

// write sends what the socket takes and keeps the rest.
func (c *conn) write(data []byte) error {
	if c.tls == nil {
		return c.writeRaw(data)
	}
	if _, err := c.tls.Write(data); err != nil {
		return fmt.Errorf("client %d writes: %w", c.index, err)
	}
	return nil
}

func (c *conn) writeRaw(data []byte) error {
	if len(c.waiting) > 0 {
		c.waiting = append(c.waiting, data...)
		return nil
	}
	n, err := unix.Write(c.fd, data)
	if errors.Is(err, unix.EAGAIN) {
		n, err = 0, nil
	}
	if err != nil {
		return fmt.Errorf("client %d writes: %w", c.index, err)
	}
	if n < len(data) {
		c.waiting = append(c.waiting, data[n:]...)
	}
	return nil
}

// flush sends what was kept.
func (c *conn) flush() error {
	data := c.waiting
	c.waiting = nil
	if len(data) == 0 {
		return nil
	}
	return c.writeRaw(data)
}

func (c *conn) send(d []byte) error { return c.write(appendFrame(nil, opText, d)) }

// connected reports whether dialing has succeeded.
func (c *conn) connected() error {
	if failed, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || failed != 0 {
		return fmt.Errorf("client %d connects: %w", c.index, errors.Join(err, unix.Errno(failed)))
	}
	return nil
}

func (c *conn) upgrade(path string) error {
	c.stage = stageUpgrading
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", path, c.addr)
	if c.inflater != nil {
		request = fmt.Appendf(request, "Sec-WebSocket-Extensions: %s\r\n", deflateOffer)
	}
	return c.write(append(request, "\r\n"...))
}

var endOfHeader = []byte("\r\n\r\n")

// cutHeader takes the answer to the upgrade off the data; ok is false as long as it is not all
// there.
func (c *conn) cutHeader(data []byte) (rest []byte, ok bool, err error) {
	header, rest, ok := bytes.Cut(data, endOfHeader)
	if !ok {
		return data, false, nil
	}
	if !bytes.HasPrefix(header, []byte("HTTP/1.1 101 ")) {
		status, _, _ := bytes.Cut(header, []byte("\r\n"))
		return nil, false, fmt.Errorf("client %d is refused: %s %s", c.index, status, rest)
	}
	if c.inflater != nil && !bytes.Contains(bytes.ToLower(header), []byte("server_no_context_takeover")) {
		return nil, false, fmt.Errorf("client %d: the server does not agree to compress each message on its own: %s", c.index, header)
	}
	return rest, true, nil
}

// read calls each with the packets that have come. buffer is the loop's.
func (c *conn) read(buffer []byte, d *dialect, each func(*conn, []byte) error) error {
	for {
		more, err := c.readOnce(buffer, d, each)
		if err != nil || !more {
			return err
		}
	}
}

// readOnce reports whether more may have come: TLS takes in more than it hands out, so that epoll
// knows nothing of the rest.
func (c *conn) readOnce(buffer []byte, d *dialect, each func(*conn, []byte) error) (more bool, err error) {
	kept := copy(buffer, c.partial)
	n, err := c.receive(buffer[kept:])
	if err != nil || n == 0 {
		return false, err
	}
	data := buffer[:kept+n]
	c.partial = nil
	if c.stage == stageUpgrading {
		var ok bool
		if data, ok, err = c.cutHeader(data); err != nil {
			return false, err
		}
		if !ok {
			c.partial = slices.Clone(data)
			return c.tls != nil, nil
		}
		c.stage = stageConnecting
		if !d.greets {
			if err := c.send([]byte(d.connect)); err != nil {
				return false, err
			}
		}
	}
	for {
		f, rest, ok, err := nextFrame(data)
		if err != nil {
			return false, fmt.Errorf("client %d: %w", c.index, err)
		}
		if !ok {
			break
		}
		data = rest
		if err := c.frame(f, d, each); err != nil {
			return false, err
		}
	}
	if len(data) > 0 {
		c.partial = slices.Clone(data)
	}
	return c.tls != nil, nil
}

func (c *conn) frame(f frame, d *dialect, each func(*conn, []byte) error) error {
	switch f.op {
	case opPing:
		return c.write(appendFrame(nil, opPong, f.payload))
	case opClose:
		return fmt.Errorf("the server says goodbye to client %d: %q", c.index, f.payload)
	}
	if f.compressed {
		if c.inflater == nil {
			return fmt.Errorf("client %d gets a compressed message that it did not ask for", c.index)
		}
		var err error
		if f.payload, err = c.inflater.inflate(f.payload); err != nil {
			return fmt.Errorf("client %d: %w", c.index, err)
		}
	}
	if !d.lines {
		return each(c, f.payload)
	}
	for packet := range bytes.SplitSeq(f.payload, []byte("\n")) {
		if err := each(c, packet); err != nil {
			return err
		}
	}
	return nil
}
