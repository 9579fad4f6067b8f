// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// The causes of a gap that cannot be filled, as labels of the metric realtime_log_gaps_total.
const (
	// gapTrimmed: the log has dropped the messages, since it had as many newer ones as it keeps of
	// a subject.
	gapTrimmed = "trimmed"
	// gapExpired: the gateway was disconnected for longer than the log keeps messages.
	gapExpired = "expired"
)

// gap is a part of a subject's messages that did not arrive: those between two sequences, excluding
// both.
type gap struct {
	// subject is the subject on which the messages are republished.
	subject       string
	after, before uint64
}

// fillGap delivers the messages of a gap. If they cannot be read now it returns false: then nothing
// else is delivered until catchUp has filled the gap.
func (l *Log) fillGap(g *gap) bool {
	ctx, cancel := context.WithTimeout(l.life, healTimeout)
	defer cancel()
	err := l.readGap(ctx, g)
	if err == nil {
		return true
	}
	l.log.Warn("messages were lost between NATS and this gateway, and cannot be read yet",
		"subject", wire.LoggedSubject(g.subject), "after", g.after, "before", g.before, "error", err)
	l.gaps = append(l.gaps, g)
	l.Invalidate()
	return false
}

// fillGaps delivers the messages of the gaps that fillGap could not fill.
func (l *Log) fillGaps(ctx context.Context) error {
	for len(l.gaps) > 0 {
		if err := l.readGap(ctx, l.gaps[0]); err != nil {
			return fmt.Errorf("fill a gap of %s: %w", l.gaps[0].subject, err)
		}
		l.gaps = l.gaps[1:]
	}
	return nil
}

// readGap updates the gap, so that after an error another call continues after the messages that
// have been delivered. If the log has dropped messages of the gap, the members of the room are
// disconnected.
func (l *Log) readGap(ctx context.Context, g *gap) error {
	ns := l.host.Namespace(g.subject)
	if ns == nil {
		return nil
	}
	err := l.Fetch(ctx, ns.Subjects().Stored(g.subject), g.after+1, g.before-1, func(stored Message) error {
		l.replayLive(g.subject, stored)
		g.after = stored.Sequence
		return nil
	})
	if errors.Is(err, ErrTrimmed) {
		l.lose(g.subject, gapTrimmed) //nolint:contextcheck // sessions go on without the reader
		return nil
	}
	return err
}

// lose closes the connections of all sockets here to which a lost message on a subject may have
// been addressed, and releases them: their clients start new sessions. It runs in the loop.
func (l *Log) lose(subject, cause string) {
	ns := l.host.Namespace(subject)
	if ns == nil {
		return
	}
	ns.Gap()
	l.interrupt(ns, ns.Rooms().Selected(targetOf(ns, subject)), subject, cause)
}

// loseAll is lose for all subjects.
func (l *Log) loseAll(cause string) {
	for _, ns := range l.host.Namespaces() {
		l.lose(ns.Subjects().All(), cause)
	}
}

// interrupt ends the sockets' sessions first, and closes the connections when that is stored:
// otherwise a client could be recovered by another gateway, with the offset of an event after the
// gap. It calls handlers, and therefore runs in another goroutine.
func (l *Log) interrupt(ns Namespace, sockets []*socketio.Socket, subject, cause string) {
	if len(sockets) == 0 {
		return
	}
	l.metrics.Gaps.WithLabelValues(cause).Inc()
	ns.ReleaseAll(sockets)
	l.log.Error("events are lost that this gateway has not delivered; it closes the connections of clients that may have missed them",
		"subject", wire.LoggedSubject(subject), "cause", cause, "sockets", len(sockets))
	l.out.AfterAll(func(error) {
		l.host.Go(func() {
			for _, s := range sockets {
				s.InterruptFor(ending.LogGap)
			}
		})
	})
}

// targetOf returns the sockets that a message on a subject may reach here.
func targetOf(ns Namespace, subject string) socketio.Target {
	if subject == ns.Subjects().All() {
		return socketio.Target{}
	}
	rooms := []string{}
	for _, room := range ns.Rooms().Names() {
		if ns.Subjects().Room(room) == subject {
			rooms = append(rooms, room)
		}
	}
	return socketio.Target{Rooms: rooms}
}
