// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// healTimeout bounds the time to read missed messages. Nothing else is delivered meanwhile.
const healTimeout = 10 * time.Second

// electionRoot is the prefix of the subjects on which JetStream announces that a stream has a new
// leader (io.nats.jetstream.advisory.v1.stream_leader_elected).
const electionRoot = "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED."

// elections returns the subject for the log's stream.
func (l *Log) elections() string { return electionRoot + l.stream }

// epoch counts the times at which messages may have been missed: NATS was away, too much arrived,
// or the stream lost its leader with messages that the leader had stored but not sent yet.
func (l *Log) epoch() uint64 {
	return l.host.Connections() + l.invalidations.Load()
}

// isStale reports whether there has been an interruption that catchUp has not repaired. It is
// called in the loop.
func (l *Log) isStale() bool { return l.caughtUp != l.epoch()+1 }

// mayHaveMissed reports whether messages may have been missed since catchUp, so that the next
// arrival may not be the next message. If only the outbox has a problem, messages still arrive in
// order; and those of a log that is about to be lost can be received in no other way.
func (l *Log) mayHaveMissed() bool {
	return l.caughtUp == 0 || l.caughtMisses != l.misses.Load() || l.caughtReconnects != l.host.Connections()
}

// Invalidate is called when messages may have been missed although the connection has held. Further
// arrivals are left to catchUp.
func (l *Log) Invalidate() {
	l.misses.Add(1)
	l.invalidations.Add(1)
	l.signal()
}

// catchUp delivers the messages that were stored after the last delivered one. It runs in the loop.
func (l *Log) catchUp(s streamState) error {
	if !l.mayHaveMissed() { // what NATS had sent before the stream was inspected need not be read
		l.host.Queued(func(*nats.Msg) bool { return false })
	}
	l.delivering.Lock()
	delivered, incarnation := l.deliveredTo, l.incarnation
	if incarnation == "" { // existing messages concern nobody here
		l.deliveredTo, l.incarnation = s.last, s.incarnation
	}
	l.delivering.Unlock()
	switch {
	case incarnation == "":
		l.caught(s)
		return nil
	case incarnation != s.incarnation:
		l.startOver(s)
	case s.last > delivered && s.away > l.config.Retention:
		l.loseAll(gapExpired)
	}
	if err := l.replay(); err != nil {
		return fmt.Errorf("catch up: %w", err)
	}
	l.caught(s)
	for _, e := range l.out.TakeRecognized() {
		l.resolve(e, e.Sequence, nil)
	}
	l.advance()
	if r := l.restarting; r != nil && !r.announced {
		r.announced = true
		l.announceRestart()
	}
	return nil
}

// caught notes that everything has been delivered that the stream had when it was inspected.
func (l *Log) caught(s streamState) {
	l.delivering.Lock()
	l.deliveredTo = max(l.deliveredTo, s.last)
	l.delivering.Unlock()
	l.caughtUp, l.caughtMisses, l.caughtReconnects = s.epoch+1, s.misses, s.reconnects
}

// replay delivers all messages after the position, up to the end of the log. After an error,
// another call continues where it stopped.
func (l *Log) replay() error {
	ctx, cancel := context.WithTimeout(l.life, healTimeout)
	defer cancel()
	if err := l.fillGaps(ctx); err != nil {
		return err
	}
	l.delivering.Lock()
	from := l.deliveredTo + 1
	l.delivering.Unlock()
	if l.replayed == nil {
		l.replayed = map[string]int{}
	}
	err := l.Scan(ctx, wire.EventRoot(l.service)+">", from, End, func(stored Message) error {
		subject := l.liveSubject(stored.Subject)
		l.replayed[subject]++
		l.replayLive(subject, stored)
		return nil
	})
	if err != nil {
		return err
	}
	return l.verifyReplayed(ctx)
}

// liveSubject returns the subject on which a stored message is republished.
func (l *Log) liveSubject(stored string) string {
	return l.liveRoot + strings.TrimPrefix(stored, wire.EventRoot(l.service))
}

// verifyReplayed disconnects the members of rooms whose messages the log has dropped before they
// were read. Since reading went on to the end of the log, a subject that has lost messages has had
// as many newer ones as its limit.
func (l *Log) verifyReplayed(ctx context.Context) error {
	for subject, count := range l.replayed {
		if count < l.Suspicious() {
			continue
		}
		switch err := l.verifyReach(ctx, subject, count); {
		case errors.Is(err, ErrTrimmed):
			l.lose(subject, gapTrimmed) //nolint:contextcheck // sessions go on without the reader
		case err != nil:
			return err
		}
	}
	l.replayed = nil
	return nil
}

// replayLive delivers a message that should have arrived before.
func (l *Log) replayLive(subject string, stored Message) {
	defer l.panics.Catch(panics.PlaceMessage, "subject", subject)
	ns := l.host.Namespace(subject)
	if ns == nil {
		return
	}
	m, err := l.host.Decode(stored.Data)
	if err != nil {
		return
	}
	m.Delivery.Trace = stored.Trace
	l.out.Recognize(stored.ID, stored.Sequence)
	l.metrics.Healed.Inc()
	ns.Advance(subject, stored.Sequence)
	stored.Subject = subject
	l.deliver(ns, m, stored)
}
