// SPDX-License-Identifier: Apache-2.0

package webtransport

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

const (
	// maxWaiting is the maximum number of connections without a session. Each takes some 80 KiB, so
	// this limits what strangers can make a gateway hold, whatever the engine's limits for sessions
	// are.
	maxWaiting = 256
	// waitingTime is how long a connection may have no session, before its first one and after its
	// last.
	waitingTime = 10 * time.Second
	// suspicious is the share of maxWaiting from which clients have to prove their address before
	// anything is kept of them (RFC 9000 section 8.1.2), so that a client cannot fill the rest with
	// forged addresses.
	suspicious = 8
)

// RefusalReason is the reason for a refused QUIC connection, for Server.OnRefused.
type RefusalReason string

const (
	// RefusedFull: too many connections have no session. There was no TLS handshake.
	RefusedFull RefusalReason = "full"
	// RefusedIdle: the connection had no session for too long.
	RefusedIdle RefusalReason = "idle"
)

// RefusalReasons lists all reasons.
func RefusalReasons() []RefusalReason { return []RefusalReason{RefusedFull, RefusedIdle} }

var errCrowded = errors.New("too many connections without a session")

// waiting counts the connections without a session, and ends those that remain without one. QUIC's
// own idle timeout does not: a client, or the keep-alive of this side, can hold a connection open.
// Safe for concurrent use.
type waiting struct {
	max  int
	time time.Duration
	// refused is called for each connection that is refused or ended.
	refused func(RefusalReason)

	mu sync.Mutex
	n  int // guarded by mu
}

// visit is a connection, from its first packet to its end. The lock of waiting guards it.
type visit struct {
	all      *waiting
	conn     *quic.Conn // nil until the listener has it
	sessions int
	over     bool
	// timer ends the connection; nil until the listener has it.
	timer *time.Timer
}

type visitKey struct{}

// enter admits a connection before the TLS handshake (quic.Transport.ConnContext). An error refuses
// it. The context ends with the connection.
func (w *waiting) enter(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
	if !w.admit() {
		w.refused(RefusedFull)
		return nil, errCrowded
	}
	v := &visit{all: w}
	context.AfterFunc(ctx, v.leave)
	return context.WithValue(ctx, visitKey{}, v), nil
}

// admit counts a connection, if there is room for it.
func (w *waiting) admit() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n >= w.max {
		return false
	}
	w.n++
	return true
}

// verify reports whether the next client has to prove its address
// (quic.Transport.VerifySourceAddress).
func (w *waiting) verify(net.Addr) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n >= w.max/suspicious
}

// count returns the number of waiting connections.
func (w *waiting) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// meet sets the connection, after its TLS handshake.
func (v *visit) meet(conn *quic.Conn) {
	v.all.mu.Lock()
	defer v.all.mu.Unlock()
	v.conn = conn
	if !v.over {
		v.timer = time.AfterFunc(v.all.time, v.expire)
	}
}

// expire ends a connection that still has no session.
func (v *visit) expire() {
	v.all.mu.Lock()
	idle := v.sessions == 0
	v.all.mu.Unlock()
	if idle {
		v.all.refused(RefusedIdle)
		_ = v.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "no session")
	}
}

// begin is called for a new session on the connection.
func (v *visit) begin() {
	v.all.mu.Lock()
	defer v.all.mu.Unlock()
	v.sessions++
	if v.sessions == 1 && !v.over {
		v.all.n--
		v.timer.Stop()
	}
}

// end is called at the end of a session. The connection is not closed at once, since it carries the
// session's last packets.
func (v *visit) end() {
	v.all.mu.Lock()
	defer v.all.mu.Unlock()
	v.sessions--
	if v.sessions == 0 && !v.over {
		v.all.n++
		v.timer.Reset(v.all.time)
	}
}

// leave is called at the end of the connection.
func (v *visit) leave() {
	v.all.mu.Lock()
	defer v.all.mu.Unlock()
	v.over = true
	if v.sessions == 0 {
		v.all.n--
	}
	if v.timer != nil {
		v.timer.Stop()
	}
}
