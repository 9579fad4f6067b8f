// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// restartInterval is how often a gateway checks whether all gateways use the new log
	// incarnation.
	restartInterval = 200 * time.Millisecond
	// restartTimeout bounds the wait for live gateways that do not: those of a release before this
	// one never say that they do.
	restartTimeout = time.Minute
	// restartMemory is how long a gateway remembers the lost log incarnation, for gateways that
	// come later.
	restartMemory = 5 * time.Minute
)

// gapRestarted: the log incarnation was lost before this gateway had read its end.
const gapRestarted = "log_lost"

// ErrLost is returned for a message that was to follow one of a lost log incarnation.
var ErrLost = errors.New("the log was lost")

// restart is the change from a lost log incarnation to the next one, as this gateway sees it. Only
// the loop uses it.
//
// Every gateway stores again all messages that are not acknowledged to it, delivers the new
// incarnation from its beginning, and skips what it has delivered from the old one. Messages that
// the old incarnation had acknowledged and that a gateway has not delivered are lost for its
// clients: gateways tell each other the position that they had reached in the old incarnation, and
// the subjects that had messages after another gateway's position. Sessions are stored in the new
// incarnation after all that, so a client that is lost earlier starts a new session.
type restart struct {
	// log is the lost log incarnation.
	log string
	// deliveredTo is the sequence up to which it was delivered here, and tail describes its end.
	deliveredTo uint64
	tail        tail
	since       time.Time
	// sockets are the sockets that were connected then.
	sockets map[*socketio.Socket]struct{}
	// stored reports whether this gateway's outbox is stored in the new incarnation. peers are the
	// other gateways that use it, with the same information.
	stored bool
	peers  map[string]bool
	// positions are the positions of the others in the old incarnation.
	positions map[string]uint64
	// announced: this gateway has announced its position. restored: sessions are stored in the new
	// incarnation.
	announced, restored bool
}

// startOver changes to the log incarnation that has replaced a lost one. It is read from its
// beginning.
func (l *Log) startOver(s streamState) {
	l.takeQueued(s.created)
	for _, g := range l.gaps {
		l.lose(g.subject, gapRestarted)
	}
	l.gaps, l.replayed = nil, nil
	l.delivering.Lock()
	r := &restart{
		log: l.incarnation, deliveredTo: max(l.deliveredTo, l.reached.Swap(0)), tail: l.tail, since: time.Now(),
		sockets: l.members(), peers: map[string]bool{}, positions: map[string]uint64{},
	}
	l.deliveredTo, l.incarnation = 0, s.incarnation
	l.delivering.Unlock()
	l.restarting, l.tail = r, tail{}
	l.interruptBeyond(r, r.ownBeyond())
	l.log.Error("the log of events was lost and starts over; clients that are away now start new sessions",
		"stream", l.stream, "waiting", l.out.Waiting())
	for _, ns := range l.host.Namespaces() {
		ns.StartOver()
	}
	l.host.LogLost()
	for _, e := range l.out.StartOver() {
		e.Done(0, ErrLost)
	}
	l.out.AfterAll(func(err error) {
		if err != nil {
			return // the gateway ends, and has not stored its outbox
		}
		r.stored = true
		l.announceRestart()
	})
	l.awaitRestart(r)
}

// takeQueued delivers messages of the lost incarnation that have arrived and were not handled yet.
// Messages of the new one are read from its beginning later. If some have been dropped on their way
// it does nothing, since the position would skip them.
func (l *Log) takeQueued(created time.Time) {
	whole := l.caughtMisses == l.misses.Load()
	l.host.Queued(func(msg *nats.Msg) bool {
		number := sequenceOf(msg, jetstream.SequenceHeader)
		if number == 0 {
			return false
		}
		if at := timeOf(msg); whole && at.Before(created) && number > l.Delivered() {
			l.replayLive(msg.Subject, Message{number, msg.Subject, msg.Data, at, idOf(msg), wire.TraceOf(msg.Header)})
		}
		return true
	})
}

// awaitRestart checks the restart at intervals until it is over.
func (l *Log) awaitRestart(r *restart) {
	time.AfterFunc(restartInterval, func() { l.InLoop(func() { l.watchRestart(r) }) })
}

// watchRestart lets the host store sessions in the new incarnation when all gateways use it. It
// runs in the loop.
func (l *Log) watchRestart(r *restart) {
	if l.restarting != r { // the next incarnation was lost too
		return
	}
	age := time.Since(r.since)
	if age > restartMemory {
		l.restarting = nil
		return
	}
	l.awaitRestart(r)
	if r.restored || !(r.stored && r.complete(l.host.Peers()) || age > restartTimeout) {
		return
	}
	r.restored = true
	l.announceForDead(r)
	l.host.LogRestored()
	l.log.Info("all gateways use the new log; clients can be recovered from it", "stream", l.stream, "after", age.Round(time.Millisecond))
}

// complete reports whether all live gateways use the new incarnation, and have stored their
// outboxes.
func (r *restart) complete(alive []string) bool {
	return !slices.ContainsFunc(alive, func(id string) bool { return !r.peers[id] })
}

// members returns the sockets of all namespaces.
func (l *Log) members() map[*socketio.Socket]struct{} {
	all := map[*socketio.Socket]struct{}{}
	for _, ns := range l.host.Namespaces() {
		for _, s := range ns.Rooms().Selected(socketio.Target{}) {
			all[s] = struct{}{}
		}
	}
	return all
}
