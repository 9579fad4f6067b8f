// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// listening is a peer that breaks the first handshakes off, as one does that is too busy for them.
type listening struct {
	net.Listener
	breakOff atomic.Int64
}

func (l *listening) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || l.breakOff.Add(-1) < 0 {
			return conn, err
		}
		conn.Close()
	}
}

func listen(t *testing.T, identity *Identity, breakOff int64) *listening {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &listening{Listener: tcp}
	l.breakOff.Store(breakOff)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = tls.Server(conn, identity.ServerConfig()).HandshakeContext(context.Background())
			conn.Close()
		}
	})
	t.Cleanup(func() {
		tcp.Close()
		serving.Wait()
	})
	return l
}

func newTestIdentity(t *testing.T) *Identity {
	t.Helper()
	identity, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func untilEnd(ctx context.Context, _ string) { <-ctx.Done() }

// carrying is the context of a request for a session of a peer.
func carrying(ctx context.Context) context.Context {
	return context.WithValue(ctx, transitKey{}, &transit{owner: "gateway1"})
}

func TestABusyPeerIsDialledAgain(t *testing.T) {
	identity := newTestIdentity(t)
	l := listen(t, identity, 3)
	conn, err := newDialer(identity, untilEnd).dial(carrying(t.Context()), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestADeadPeerIsNotWaitedFor(t *testing.T) {
	identity := newTestIdentity(t)
	l := listen(t, identity, 0)
	l.Close()
	_, err := newDialer(identity, untilEnd).dial(carrying(t.Context()), "tcp", l.Addr().String())
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the error is %v", err)
	}
}

func TestAPeerIsWaitedForUntilItIsKnownToBeGone(t *testing.T) {
	identity := newTestIdentity(t)
	tcp, err := net.Listen("tcp", "127.0.0.1:0") // takes connections in its queue, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	asked := make(chan string, 1)
	gone := func(_ context.Context, id string) { asked <- id }
	if _, err := newDialer(identity, gone).dial(carrying(t.Context()), "tcp", tcp.Addr().String()); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if id := <-asked; id != "gateway1" {
		t.Errorf("it is %s that has gone", id)
	}
}

func TestAStrangerIsNotDialledAgain(t *testing.T) {
	l := listen(t, newTestIdentity(t), 0)
	var unknown *tls.CertificateVerificationError
	_, err := newDialer(newTestIdentity(t), untilEnd).dial(carrying(t.Context()), "tcp", l.Addr().String())
	if !errors.As(err, &unknown) {
		t.Errorf("the error is %v", err)
	}
}
