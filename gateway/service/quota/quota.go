// SPDX-License-Identifier: Apache-2.0

// Package quota applies the limits of a manifest to sockets, and tells clients that are over one.
// Package limits counts.
package quota

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/loglimit"
	"github.com/realtime-operator/realtime-operator/gateway/limits"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Keeper judges the sockets of a service. Safe for concurrent use.
type Keeper struct {
	// Users are what users have used. It is shared with other gateways.
	Users *limits.Users
	// Exceeded counts what was over a limit, by limit and mode.
	Exceeded *prometheus.CounterVec

	// left has the *leftovers of connections, by Socket.Connection.
	left sync.Map

	log      *slog.Logger
	logLimit loglimit.Limit[string]
}

// NewKeeper returns a Keeper. now is time.Now except in tests.
func NewKeeper(now func() time.Time, log *slog.Logger) *Keeper {
	return &Keeper{
		Users: limits.NewUsers(now), log: log,
		Exceeded: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_limit_exceeded_total",
			Help: "Events, acknowledgements and connections that limits have refused, or in mode Audit would have, by limit and mode.",
		}, []string{"limit", "mode"}),
	}
}

// Register registers the metrics.
func (k *Keeper) Register(registry prometheus.Registerer) {
	registry.MustRegister(k.Exceeded, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_limited_users", Help: "Users for whom this gateway counts what limits.perUser bounds.",
	}, func() float64 { return float64(k.Users.Len()) }))
}

// Change is called when rules have replaced others. Each may be nil.
func (k *Keeper) Change(before, after *limits.Rules) {
	k.Users.SetRules(after)
	left := map[string]bool{}
	for _, name := range after.Names() {
		left[name] = true
	}
	for _, name := range before.Names() {
		if !left[name] {
			k.Exceeded.DeletePartialMatch(prometheus.Labels{"limit": name})
		}
	}
}

// Meter is what is counted for a socket. The zero value is ready for use; End ends it. Safe for
// concurrent use.
type Meter struct {
	// entered reports whether the connection may be counted for its user, ended whether End was
	// called, and left whether what the socket has used was left to the next ones.
	entered, ended, left atomic.Bool
	// used is what the socket has used; nil before an event is judged, since idle sockets should
	// take little memory.
	used atomic.Pointer[limits.Socket]
}

// usedBy returns what a socket has used.
func (k *Keeper) usedBy(m *Meter, s *socketio.Socket) *limits.Socket {
	if used := m.used.Load(); used != nil {
		return used
	}
	var user *limits.User
	if key, ok := userOf(s); ok {
		user = k.Users.Hold(key)
	}
	used := k.take(s)
	used.Reopen(user)
	if !m.used.CompareAndSwap(nil, used) {
		used.Close()
		k.keep(s, used)
		return m.used.Load()
	}
	if m.ended.Load() { // End was too early to do so
		k.leave(m, s, used)
	}
	return used
}

// userOf returns the key of a socket's user; false for an anonymous client.
func userOf(s *socketio.Socket) (limits.Key, bool) {
	id := s.Identity()
	if id == nil {
		return limits.Key{}, false
	}
	return limits.KeyOf(id.Provider, id.User), true
}

// End releases what is counted for a socket that has ended. It may be called again; what the socket
// has used may be another's by then.
func (k *Keeper) End(m *Meter, s *socketio.Socket) {
	m.ended.Store(true)
	if used := m.used.Load(); used != nil {
		k.leave(m, s, used)
	}
	if !m.entered.Load() {
		return
	}
	if key, ok := userOf(s); ok {
		k.Users.Leave(key, seatOf(s))
	}
}

// leave leaves what a socket has used to the next ones of its connection, once.
func (k *Keeper) leave(m *Meter, s *socketio.Socket, used *limits.Socket) {
	if !m.left.Swap(true) {
		used.Close()
		k.keep(s, used)
	}
}

// exceeded counts what is over a limit. It logs what an audit finds.
func (k *Keeper) exceeded(name string, audit bool, s *socketio.Socket) {
	mode := v1alpha1.AccessEnforce
	if audit {
		mode = v1alpha1.AccessAudit
	}
	k.Exceeded.WithLabelValues(name, string(mode)).Inc()
	if !audit {
		return
	}
	k.logLimit.Warn(k.log.With("limit", name), name, "a limit would refuse", s.LogAttr())
}
