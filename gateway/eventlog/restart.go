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
	// restartInterval is how often a gateway looks whether all have come over to the new log.
	restartInterval = 200 * time.Millisecond
	// restartTimeout is how long it waits for gateways that are alive and have not: those of a release before this one never say so.
	restartTimeout = time.Minute
	// restartMemory is how long it remembers the log that was lost, for gateways that come later.
	restartMemory = 5 * time.Minute
)

// gapRestarted: the log was lost before this gateway had read the end of it.
const gapRestarted = "log_lost"

// ErrLost says that a message was to follow one of a log that was lost.
var ErrLost = errors.New("the log was lost")

// restart is the change from a log that was lost to the one in its place, as this gateway knows it. Only the loop uses it.
//
// Every gateway stores again all that is not acknowledged to it, delivers the new log from its beginning, and leaves out what it has
// delivered from the old one. What the old log had acknowledged and a gateway has not delivered is lost for its clients: gateways tell
// each other the position that they had reached in the old log, and the subjects that had messages behind another's position. Sessions
// are stored in the new log when all that is done, so a client that is lost before starts a new session.
type restart struct {
	// log is the incarnation of the log that was lost.
	log string
	// deliveredTo is the sequence up to which all of it was delivered here, tail what this gateway knows of its end.
	deliveredTo uint64
	tail        tail
	since       time.Time
	// sockets are those that were connected then.
	sockets map[*socketio.Socket]struct{}
	// stored: what this gateway held is in the new log. peers are the others that have come over, and whether that holds for them.
	stored bool
	peers  map[string]bool
	// positions are how far the others had come in the old log.
	positions map[string]uint64
	// announced: the others have been told how far this gateway had come. restored: sessions are stored in the new log.
	announced, restored bool
}

// startOver turns to a log that has taken the place of one that was lost. What comes then is read from its beginning.
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
			return // the gateway ends, and has not stored what it held
		}
		r.stored = true
		l.announceRestart()
	})
	l.awaitRestart(r)
}

// takeQueued delivers what came in from the log that was lost and was not looked at yet. Messages of the new log are read from
// its beginning later. If some have been dropped on their way it does nothing, as the position would pass them.
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

// awaitRestart looks after the restart at intervals until it is over.
func (l *Log) awaitRestart(r *restart) {
	time.AfterFunc(restartInterval, func() { l.InLoop(func() { l.watchRestart(r) }) })
}

// watchRestart has the host store sessions in the new log when all gateways have come over to it. It runs in the loop.
func (l *Log) watchRestart(r *restart) {
	if l.restarting != r { // the next log was lost too
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

// complete tells whether all gateways that are alive have come over, and have stored what they held.
func (r *restart) complete(alive []string) bool {
	return !slices.ContainsFunc(alive, func(id string) bool { return !r.peers[id] })
}

// members are the sockets of all namespaces.
func (l *Log) members() map[*socketio.Socket]struct{} {
	all := map[*socketio.Socket]struct{}{}
	for _, ns := range l.host.Namespaces() {
		for _, s := range ns.Rooms().Selected(socketio.Target{}) {
			all[s] = struct{}{}
		}
	}
	return all
}
