// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"
)

const (
	// dialPatience is how long a peer may take to accept a connection, including the TLS handshake.
	// If a gateway is dead, its peers know it after 8.6 s (package cluster) and stop waiting; one
	// that is alive for longer is busy, or the network to it is blocked.
	dialPatience = 15 * time.Second
	// dialPause is the pause between two attempts.
	dialPause = 100 * time.Millisecond
)

// dialer connects to peers. Safe for concurrent use.
type dialer struct {
	net.Dialer
	identity *Identity
	// gone returns when a gateway is known to be dead, or the context ends.
	gone func(ctx context.Context, id string)
}

func newDialer(identity *Identity, gone func(context.Context, string)) *dialer {
	return &dialer{
		// A node that fails sends nothing, and its clients wait.
		Dialer:   net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3}},
		identity: identity,
		gone:     gone,
	}
}

// dial waits for a slow peer for as long as it is considered alive: answering a client that its
// session is unknown would end a session that exists.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	if t, ok := ctx.Value(transitKey{}).(*transit); ok {
		go func() {
			d.gone(ctx, t.owner)
			cancel()
		}()
	}
	for {
		conn, err := d.once(ctx, network, address)
		if err == nil || !maySucceedLater(err) {
			return conn, err
		}
		select {
		case <-time.After(dialPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (d *dialer) once(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, d.identity.clientConfig())
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("prove who is who to %s: %w", address, err)
	}
	return secure, nil
}

// passing are errors of a busy machine, either this one or the peer's, which breaks off a handshake
// that takes too long.
var passing = []error{
	io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT, os.ErrDeadlineExceeded,
	syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.ENOBUFS,
}

// maySucceedLater returns false for a refused connection: a busy peer accepts it, at least into its
// queue, so this one is dead. It also returns false for a certificate, which does not get better.
func maySucceedLater(err error) bool {
	return slices.ContainsFunc(passing, func(p error) bool { return errors.Is(err, p) })
}
