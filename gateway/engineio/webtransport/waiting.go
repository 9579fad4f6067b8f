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
	// maxWaiting is how many connections may be without a session. Each takes some 80 KiB, so this is
	// what a stranger can make a gateway hold, whatever the engine's limits for sessions are.
	maxWaiting = 256
	// waitingTime is how long a connection may be without a session, before its first one and after
	// its last.
	waitingTime = 10 * time.Second
	// suspicious is the share of maxWaiting from which clients have to prove their address before
	// anything is kept of them (RFC 9000 section 8.1.2), so that nobody fills the rest with
	// addresses that are not his.
	suspicious = 8
)

// RefusalReason says why a QUIC connection did not get to a session, for Server.OnRefused.
type RefusalReason string

const (
	// RefusedFull: too many connections have no session. There was no TLS handshake.
	RefusedFull RefusalReason = "full"
	// RefusedIdle: the connection had no session for too long.
	RefusedIdle RefusalReason = "idle"
)

// RefusalReasons are all there are.
func RefusalReasons() []RefusalReason { return []RefusalReason{RefusedFull, RefusedIdle} }

var errCrowded = errors.New("too many connections without a session")

// waiting counts the connections without a session, and ends those that stay without one. QUIC's own
// idle timeout does not: a client, or the keep-alive of this side, holds a connection open for as
// long as it likes. Safe for concurrent use.
type waiting struct {
	max  int
	time time.Duration
	// refused is told of each connection that is refused or ended.
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

// enter takes a connection in, before there is a TLS handshake (quic.Transport.ConnContext). An
// error refuses it. The context ends with the connection.
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

// verify reports whether the next client has to prove its address (quic.Transport.VerifySourceAddress).
func (w *waiting) verify(net.Addr) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n >= w.max/suspicious
}

// count is how many connections wait.
func (w *waiting) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// meet is told of the connection.
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

// begin is told of a session on the connection.
func (v *visit) begin() {
	v.all.mu.Lock()
	defer v.all.mu.Unlock()
	v.sessions++
	if v.sessions == 1 && !v.over {
		v.all.n--
		v.timer.Stop()
	}
}

// end is told of the end of a session that had begun. Its connection is not cut off at once, since it
// carries the session's last words.
func (v *visit) end() {
	v.all.mu.Lock()
	defer v.all.mu.Unlock()
	v.sessions--
	if v.sessions == 0 && !v.over {
		v.all.n++
		v.timer.Reset(v.all.time)
	}
}

// leave is told of the connection's end.
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
