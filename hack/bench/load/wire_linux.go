// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// handshakeTimeout bounds each wait for the server in a handshake.
const handshakeTimeout = 10 * time.Second

// trusting takes any certificate: the proxy on this machine makes its own when it starts.
var trusting = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}

// wire is what crypto/tls reads from and writes to. In the handshake it waits for the server; then
// it says that nothing has come.
type wire struct {
	net.Conn // nil: the rest of it is not called
	c        *conn
	waits    bool
}

// errNothing is a timeout to crypto/tls, after which a connection may be read again.
var errNothing = &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}

func (w *wire) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(w.c.fd, b)
		switch {
		case err == nil && n == 0:
			return 0, fmt.Errorf("the server closes the connection of client %d", w.c.index)
		case err == nil:
			return n, nil
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR):
			return 0, fmt.Errorf("client %d reads: %w", w.c.index, err)
		case !w.waits:
			return 0, errNothing
		}
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(w.c.fd), Events: unix.POLLIN}}, int(handshakeTimeout/time.Millisecond)); n == 0 && err == nil {
			return 0, fmt.Errorf("client %d: no TLS handshake within %v", w.c.index, handshakeTimeout)
		}
	}
}

func (w *wire) Write(b []byte) (int, error) { return len(b), w.c.writeRaw(b) }

// secure makes the handshake of TLS. The other clients wait meanwhile.
func (c *conn) secure() error {
	w := &wire{c: c, waits: true}
	secured := tls.Client(w, trusting)
	if err := secured.Handshake(); err != nil {
		return fmt.Errorf("client %d, TLS: %w", c.index, err)
	}
	w.waits = false
	c.tls = secured
	return nil
}

// receive reads what has come. With 0 and no error nothing has.
func (c *conn) receive(buffer []byte) (int, error) {
	if c.tls != nil {
		n, err := c.tls.Read(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, nil
		}
		return n, err
	}
	n, err := unix.Read(c.fd, buffer)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("client %d reads: %w", c.index, err)
	case n == 0:
		return 0, fmt.Errorf("the server closes the connection of client %d", c.index)
	}
	return n, nil
}
