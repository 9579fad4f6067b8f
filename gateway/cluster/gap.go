// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Causes of a gap that cannot be filled, as the metric realtime_log_gaps_total names them.
const (
	// gapTrimmed: the log has dropped the messages, as it held as many newer ones as it keeps of a subject.
	gapTrimmed = "trimmed"
	// gapExpired: the gateway was cut off for longer than the log keeps messages.
	gapExpired = "expired"
)

// gap is a part of a subject's messages that did not come in: those between two numbers, without these.
type gap struct {
	// subject is where the messages go out.
	subject       string
	after, before uint64
}

// fillGap delivers the messages of a gap. If they cannot be read now it returns false: then nothing else is delivered
// until catchUp has filled the gap.
func (l *eventLog) fillGap(g *gap) bool {
	ctx, cancel := context.WithTimeout(l.cluster.life, healTimeout)
	defer cancel()
	err := l.readGap(ctx, g)
	if err == nil {
		return true
	}
	l.log.Warn("messages were lost between NATS and this gateway, and cannot be read yet",
		"subject", wire.LoggedSubject(g.subject), "after", g.after, "before", g.before, "error", err)
	l.gaps = append(l.gaps, g)
	l.doubt()
	return false
}

// fillGaps delivers the messages of the gaps that fillGap could not fill.
func (l *eventLog) fillGaps(ctx context.Context) error {
	for len(l.gaps) > 0 {
		if err := l.readGap(ctx, l.gaps[0]); err != nil {
			return fmt.Errorf("fill a gap of %s: %w", l.gaps[0].subject, err)
		}
		l.gaps = l.gaps[1:]
	}
	return nil
}

// readGap leaves a gap as it is then: after an error another call goes on behind what has been delivered. Members of the room
// are told if the log has dropped messages of the gap.
func (l *eventLog) readGap(ctx context.Context, g *gap) error {
	a := l.cluster.adapterOf(g.subject)
	if a == nil {
		return nil
	}
	err := l.fetch(ctx, a.subjects.Stored(g.subject), g.after+1, g.before-1, func(stored storedMessage) error {
		l.replayLive(g.subject, stored)
		g.after = stored.number
		return nil
	})
	if errors.Is(err, errTrimmed) {
		l.lose(g.subject, gapTrimmed) //nolint:contextcheck // sessions go on without the reader
		return nil
	}
	return err
}

// lose closes the connections of all sockets here to which a message on a subject may have been sent that is lost, and ends
// their sessions: their clients start new ones. It runs in dispatch.
func (l *eventLog) lose(subject, cause string) {
	a := l.cluster.adapterOf(subject)
	if a == nil {
		return
	}
	a.history.clear() // it has the same gap
	l.interrupt(a, a.rooms.Selected(a.targetOf(subject)), subject, cause)
}

// loseAll is lose for all subjects.
func (l *eventLog) loseAll(cause string) {
	for _, a := range l.cluster.namespaces() {
		l.lose(a.subjects.All(), cause)
	}
}

// interrupt ends the sessions first, and closes the connections when that is stored: otherwise a client could be recovered by
// another gateway, with the offset of an event behind the gap. Handlers hear of the end, so another goroutine does it.
func (l *eventLog) interrupt(a *adapter, sockets []*socketio.Socket, subject, cause string) {
	if len(sockets) == 0 {
		return
	}
	l.cluster.metrics.gaps.WithLabelValues(cause).Inc()
	for _, s := range sockets {
		if n := a.sessionOf(s); n != nil {
			n.release(false)
		}
	}
	l.log.Error("events are lost that this gateway has not delivered; it closes the connections of clients that may have missed them",
		"subject", wire.LoggedSubject(subject), "cause", cause, "sockets", len(sockets))
	l.out.AfterAll(func(error) {
		l.cluster.done.Go(func() {
			for _, s := range sockets {
				s.Interrupt()
			}
		})
	})
}

// targetOf is whom a message on a subject may reach here.
func (a *adapter) targetOf(subject string) socketio.Target {
	if subject == a.subjects.All() {
		return socketio.Target{}
	}
	rooms := []string{}
	for _, room := range a.rooms.Names() {
		if a.subjects.Room(room) == subject {
			rooms = append(rooms, room)
		}
	}
	return socketio.Target{Rooms: rooms}
}
