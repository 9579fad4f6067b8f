// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog/history"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// pidLength is the length of a private id: 144 random bits.
const pidLength = 24

// Sessions are the sessions of this gateway's sockets. Safe for concurrent use.
type Sessions struct {
	host   Host
	log    *eventlog.Log
	config Config
	logger *slog.Logger
	// life ends with the gateway; stop is its channel.
	life      context.Context
	stop      <-chan struct{}
	metrics   *Metrics
	histories *history.Cache
	backlogs  *backlogs
	lookups   lookups
	finding   sharedTimeout
	// walking is held while a function is applied to all sessions.
	walking sync.Mutex
	// refreshing reports whether a refresh is in progress.
	refreshing atomic.Bool
	// misunderstood reports whether there is a gateway that does not understand deltas. Only
	// membership's goroutine uses it.
	misunderstood bool

	mu       sync.Mutex
	byPID    map[string]*session           // guarded by mu
	bySocket map[*socketio.Socket]*session // guarded by mu
}

// New stores sessions in a log. The context ends with the gateway.
func New(life context.Context, host Host, log *eventlog.Log, c Config) *Sessions {
	s := &Sessions{
		host: host, log: log, config: c, logger: c.Log, life: life, stop: life.Done(), metrics: c.Metrics,
		histories: history.NewCache(c.HistoryBytes), backlogs: newBacklogs(log),
		byPID: map[string]*session{}, bySocket: map[*socketio.Socket]*session{},
	}
	s.lookups.owner = s
	return s
}

// Subscription returns the subject of fences, whose messages go to Fenced.
func (s *Sessions) Subscription() string {
	return wire.FenceSubject(s.config.Service, s.config.Gateway)
}

// Histories returns the cache of rooms' histories.
func (s *Sessions) Histories() *history.Cache { return s.histories }

func (s *Sessions) add(n *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byPID[n.pid] = n
	s.bySocket[n.socket] = n
}

func (s *Sessions) remove(n *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byPID[n.pid] == n {
		delete(s.byPID, n.pid)
	}
	delete(s.bySocket, n.socket)
}

func (s *Sessions) of(socket *socketio.Socket) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bySocket[socket]
}

func (s *Sessions) find(pid string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byPID[pid]
}

func (s *Sessions) all() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*session, 0, len(s.byPID))
	for _, n := range s.byPID {
		all = append(all, n)
	}
	return all
}

// Refresh stores sessions that do not change again, so that they do not expire. It does not block.
func (s *Sessions) Refresh(now time.Time) {
	before := now.Add(-s.config.refresh())
	if s.refreshing.CompareAndSwap(false, true) { // otherwise the last refresh is still in progress
		s.background(func(n *session) { n.refresh(before) }, func() { s.refreshing.Store(false) })
	}
}

// Flatten stores sessions without deltas, for a gateway that does not understand those. It does not
// block.
func (s *Sessions) Flatten() { s.background((*session).flatten, func() {}) }

// PeerChanged is called, in membership's goroutine, with whether all gateways understand deltas,
// and reports whether one has appeared that does not.
func (s *Sessions) PeerChanged(understood bool) (flatten bool) {
	flatten = !understood && !s.misunderstood
	s.misunderstood = !understood
	return flatten
}

// background applies a function to all sessions without delaying the loop. Concurrent calls are not
// lost: each function is applied to all sessions, one after the other, and then done is called.
func (s *Sessions) background(f func(*session), done func()) {
	s.host.Go(func() {
		defer done()
		s.walking.Lock()
		defer s.walking.Unlock()
		for _, n := range s.all() {
			select {
			case <-s.stop:
				return
			default:
				s.host.Call(func() { f(n) })
			}
		}
	})
}

// takenOver ends the socket of a session that another gateway has recovered.
func (s *Sessions) takenOver(n *session) {
	n.abandon()
	s.remove(n)
	s.host.Go(n.socket.Supersede)
}

// Fenced handles a fence: another gateway has recovered a session. It runs in the loop. A fence
// that arrives late does not affect a session that has returned in the meantime.
func (s *Sessions) Fenced(msg *nats.Msg) {
	pid, number := decodeFence(msg.Data)
	if n := s.find(pid); n != nil && n.isBefore(number) {
		s.takenOver(n)
	}
}

// encodeFence encodes that a session was taken over by the record with that sequence.
func encodeFence(pid string, number uint64) []byte {
	return strconv.AppendUint([]byte(pid+"."), number, 10)
}

// decodeFence decodes a fence. One without a sequence, from an older release, counts as later than
// any record. Anything after a further dot belongs to a later release, and is ignored.
func decodeFence(data []byte) (pid string, number uint64) {
	pid, digits, _ := strings.Cut(string(data), ".")
	digits, _, _ = strings.Cut(digits, ".")
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return pid, math.MaxUint64
	}
	return pid, number
}

// isBefore reports whether the session's last record is older than the one with that sequence. For
// a session that is being taken over this is not known yet.
func (s *session) isBefore(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.machine.state != taking && s.chain.last < number
}
