// SPDX-License-Identifier: Apache-2.0

// Package tenure ends the connections of clients whose tokens have expired. A client is told before
// by the event token_expires, and gets the time of the new token if it renews it. What is closed is
// the transport: a stock client then connects again, with the token that it has by then, while one
// that gets a DISCONNECT packet stays away.
package tenure

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/deadline"
	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Policy says what happens when a token expires.
type Policy struct {
	// Keep lets clients stay.
	Keep bool
	// Warn is how long before the expiry a client is told, and Grace how long after it the
	// connection is closed.
	Warn, Grace time.Duration
}

// Default is the policy of a token whose entry is not in the manifest any more.
var Default = Policy{Warn: 30 * time.Second, Grace: 10 * time.Second}

// PolicyOf returns the policy of an entry. Its tokens are accepted for a while after they have
// expired (jwt.leeway), in which closing a connection would only have the client come back by the
// same token.
func PolicyOf(entry *v1alpha1.Authentication) Policy {
	o := entry.OnExpiry
	if o == nil || o.Action != v1alpha1.ExpiryClose { // nil: of an operator that does not know it
		return Policy{Keep: true}
	}
	p := Policy{Warn: o.Warn.Duration, Grace: o.Grace.Duration}
	if entry.JWT != nil {
		p.Grace = max(p.Grace, entry.JWT.Leeway.Duration)
	}
	return p
}

// Options configure a Watch.
type Options struct {
	// Policy returns the policy in force for the tokens of a provider.
	Policy func(provider string) Policy
	// Revoked reports whether a token is revoked.
	Revoked func(*socketio.Identity) bool
	Log     *slog.Logger
}

// Watch watches the expiry of all tokens of a gateway, with one timer. Safe for concurrent use.
type Watch struct {
	Options
	metrics
	queue *deadline.Queue[*Tenure]
}

// New makes a watch.
func New(o Options) *Watch {
	return &Watch{Options: o, metrics: newMetrics(), queue: deadline.New((*Tenure).step)}
}

// Len is the number of tenures that wait for a time.
func (w *Watch) Len() int { return w.queue.Len() }

// EndIfRevoked closes the connection of a socket whose token is revoked.
func (w *Watch) EndIfRevoked(s *socketio.Socket) {
	if id := s.Identity(); id != nil && w.Revoked(id) {
		w.end(s, id, endedRevoked)
	}
}

func (w *Watch) end(s *socketio.Socket, id *socketio.Identity, reason string) {
	w.ended.WithLabelValues(id.Provider, reason).Inc()
	s.InterruptFor(ending.Token)
}

// Tenure is the time for which a socket's token lets it stay. The methods do nothing for nil. Safe
// for concurrent use.
type Tenure struct {
	watch  *Watch
	socket *socketio.Socket
	alarm  deadline.Alarm[*Tenure]

	mu     sync.Mutex
	warned bool // guarded by mu, as is ended
	ended  bool
}

// Begin watches a connected socket until End is called. It returns nil for one without a token that
// expires.
func (w *Watch) Begin(s *socketio.Socket) *Tenure {
	if id := s.Identity(); id == nil || id.Expires.IsZero() {
		return nil
	}
	t := &Tenure{watch: w, socket: s}
	t.step()
	return t
}

// Renew is called when the socket has another identity, or the policy has changed.
func (t *Tenure) Renew() {
	if t == nil {
		return
	}
	t.mu.Lock()
	t.warned = false
	t.mu.Unlock()
	t.step()
}

// End ends the watch, when the socket is gone.
func (t *Tenure) End() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.watch.queue.Remove(&t.alarm)
}

// step does what is due, and sets the alarm to what comes next.
func (t *Tenure) step() {
	id := t.socket.Identity()
	warn, shut := t.plan(id, time.Now())
	switch {
	case shut:
		t.watch.end(t.socket, id, endedExpired)
	case warn:
		t.tell(id.Expires)
	}
}

// plan returns what is due at a time, and sets the alarm.
func (t *Tenure) plan(id *socketio.Identity, now time.Time) (warn, shut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	policy := t.watch.Policy(id.Provider)
	if t.ended || policy.Keep || id.Expires.IsZero() {
		t.watch.queue.Remove(&t.alarm)
		return false, false
	}
	warnAt, shutAt := id.Expires.Add(-policy.Warn), id.Expires.Add(policy.Grace)
	switch {
	case now.Before(warnAt):
		t.watch.queue.Set(&t.alarm, t, warnAt)
	case now.Before(shutAt):
		warn, t.warned = !t.warned, true
		t.watch.queue.Set(&t.alarm, t, shutAt)
	default:
		shut, t.ended = true, true
	}
	return warn, shut
}

// warning is the argument of the event token_expires: when the token expires, in milliseconds since
// 1970, and how long that is from now, for clients with another clock.
type warning struct {
	ExpiresAt int64 `json:"expiresAt"`
	In        int64 `json:"in"`
}

func (t *Tenure) tell(expires time.Time) {
	err := t.socket.Emit(v1alpha1.EventTokenExpires, warning{expires.UnixMilli(), max(0, time.Until(expires).Milliseconds())})
	if err != nil && !errors.Is(err, socketio.ErrDisconnected) {
		t.watch.Log.Debug("a client is not told that its token expires", t.socket.LogAttr(), "error", err)
	}
}
