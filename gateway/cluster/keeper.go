// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/offset"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// recoverTimeout bounds the recovery of a session.
	recoverTimeout = 10 * time.Second
	// rereadPause is the pause before a session is read again that has changed since it was read.
	rereadPause = 20 * time.Millisecond
	// fetchesAtOnce bounds the rooms of one session that are read at the same time.
	fetchesAtOnce = 8
)

// keeper is the adapter of a service with recovery.
type keeper struct{ *adapter }

var _ socketio.SessionKeeper = keeper{}

// found is a session as Find has found it.
type found struct {
	record *record
	number uint64
	// offset is what the client has got.
	offset uint64
}

func (a *adapter) sessionOf(s *socketio.Socket) *session {
	if a.cluster.events == nil {
		return nil
	}
	return a.cluster.events.sessions.of(s)
}

// Keep begins a session.
func (k keeper) Keep(s *socketio.Socket, kept func(pid string)) {
	r := &record{SocketID: s.ID(), Namespace: k.namespace.Name(), Gateway: k.cluster.id, By: wire.RandomToken(writerLength)}
	var err error
	if r.Data, err = s.EncodeData(); err != nil {
		k.cluster.metrics.recovery("unkept")
		k.cluster.log.Error("a socket cannot be recovered, since its data cannot be kept", "socket", s.LogID(), "error", err)
		kept("")
		return
	}
	n := k.newSession(s, wire.RandomToken(pidLength), r)
	k.cluster.events.sessions.add(n)
	n.saveAndThen(func(err error) {
		if err != nil {
			k.cluster.metrics.recovery("unsaved")
			n.abandon()
			k.cluster.events.sessions.remove(n)
			kept("")
			return
		}
		kept(n.pid)
	})
}

// Find reads a session in the log.
func (k keeper) Find(pid, has string) (*socketio.Session, error) {
	l := k.cluster.events
	if len(pid) != pidLength {
		return nil, nil
	}
	ctx := l.finding.context(k.cluster.life)
	if err := l.ready.wait(ctx); err != nil {
		k.cluster.metrics.recovery("unavailable")
		return nil, fmt.Errorf("the log is not ready: %w", err)
	}
	f, err := l.findSession(ctx, pid, k.namespace.Name(), l.lookUpSession)
	if errors.Is(err, socketio.ErrSessionEnded) { // by what a replica has said, which may be behind
		f, err = l.findSession(ctx, pid, k.namespace.Name(), l.readSession)
	}
	switch {
	case errors.Is(err, errNotFound) || errors.Is(err, socketio.ErrSessionEnded):
		k.cluster.metrics.recovery("refused")
		return nil, nil
	case err != nil:
		k.cluster.metrics.recovery("unavailable")
		return nil, err
	}
	f.offset = l.parseOffset(has)
	if f.record.Restarted && f.offset == 0 {
		k.cluster.metrics.recovery("log_restarted")
		return nil, nil
	}
	if f.offset < f.record.Floor {
		f.offset = f.record.Floor // it has got nothing yet, or does not know what
	}
	return &socketio.Session{PID: pid, SocketID: f.record.SocketID, Data: f.record.Data, Holder: f.record.By, State: f}, nil
}

// sessionReader reads the session of a subject, and the number of its last message.
type sessionReader func(ctx context.Context, subject string) (*record, uint64, error)

// findSession reads a session that can be recovered.
func (l *eventLog) findSession(ctx context.Context, pid, namespace string, read sessionReader) (*found, error) {
	r, number, err := read(ctx, wire.SessionSubject(l.cluster.service, pid))
	if err != nil {
		return nil, err
	}
	switch {
	case r.Ended || r.Namespace != namespace:
		return nil, socketio.ErrSessionEnded
	case r.Gone != 0 && time.Since(time.UnixMilli(r.Gone)) > l.recovery.MaxDisconnection:
		return nil, socketio.ErrSessionEnded
	}
	return &found{record: r, number: number}, nil
}

// reread waits for a newer record of a session than the one that was found. There is one; but a leader that has just been elected may be
// about to learn it.
func (l *eventLog) reread(ctx context.Context, pid, namespace string, f *found) error {
	for {
		again, err := l.findSession(ctx, pid, namespace, l.readSession)
		if err != nil {
			return err
		}
		if again.number > f.number {
			f.record, f.number = again.record, again.number
			return nil
		}
		select {
		case <-time.After(rereadPause):
		case <-ctx.Done():
			return fmt.Errorf("read a session again: %w", ctx.Err())
		case <-l.cluster.stop:
			return fmt.Errorf("read a session again: %w", nats.ErrConnectionClosed)
		}
	}
}

// parseOffset is what a client says that it has got: 0 if it is nothing that we have told it, or of a log that is no more.
func (l *eventLog) parseOffset(has string) uint64 {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return offset.Parse(l.generation, has)
}

// Recover takes a session over.
func (k keeper) Recover(s *socketio.Socket, kept *socketio.Session) ([]*socketio.Delivery, uint64, error) {
	missed, number, err := k.recover(s, kept)
	switch {
	case errors.Is(err, errTrimmed):
		k.cluster.metrics.recovery("log_trimmed")
	case errors.Is(err, socketio.ErrTooMuchMissed):
		k.cluster.metrics.recovery("too_much_missed")
	case errors.Is(err, socketio.ErrSessionEnded) || errors.Is(err, errNotFound):
		k.cluster.metrics.recovery("refused")
	case err != nil:
		k.cluster.metrics.recovery("unavailable")
		err = errors.Join(socketio.ErrUnavailable, err)
	default:
		k.cluster.metrics.recovery("recovered")
	}
	return missed, number, err
}

func (k keeper) recover(s *socketio.Socket, kept *socketio.Session) ([]*socketio.Delivery, uint64, error) {
	l := k.cluster.events
	ctx, cancel := context.WithTimeout(k.cluster.life, recoverTimeout)
	defer cancel()
	f := kept.State.(*found) //nolint:forcetypeassert // Find has made it
	var n *session
	for {
		if old := l.sessions.find(kept.PID); old != nil {
			old.oust()
			l.sessions.remove(old)
			old.socket.Supersede()
		}
		var err error
		if n, err = k.take(s, kept.PID, f); err == nil {
			break
		}
		if !errors.Is(err, outbox.ErrWrongSequence) {
			return nil, 0, fmt.Errorf("take a session over: %w", err)
		}
		if err := l.reread(ctx, kept.PID, k.namespace.Name(), f); err != nil {
			return nil, 0, err
		}
	}
	number := n.number()
	if f.record.Gateway != k.cluster.id {
		// A gateway that is no more does not hear it; one that does not hear it for another reason learns it at its next record.
		k.cluster.out.send(wire.FenceSubject(k.cluster.service, f.record.Gateway), encodeFence(kept.PID, number))
	}
	if f.offset >= number {
		f.offset = f.record.Floor // nobody can have got that
	}
	done := l.backlogs.begin(f.record.SocketID)
	missed, err := k.missed(ctx, f, number)
	done()
	if errors.Is(err, socketio.ErrTooMuchMissed) {
		n.release(false)
	}
	if err != nil {
		n.abandon()
		l.sessions.remove(n)
		return nil, 0, err
	}
	return missed, number, nil
}

// take makes the session this gateway's: the socket is in its rooms, and hears of them, before that is stored. So what the log
// has before the new record is to be replayed, and what it has behind it is delivered.
func (k keeper) take(s *socketio.Socket, pid string, f *found) (*session, error) {
	rooms := make([]string, 0, len(f.record.Rooms))
	for room := range f.record.Rooms {
		rooms = append(rooms, room)
	}
	k.enter(s, rooms)
	next := f.record.clone()
	next.Gateway, next.By, next.Gone = k.cluster.id, wire.RandomToken(writerLength), 0
	n := k.newSession(s, pid, next)
	n.state, n.chain.last = sessionTaking, f.number
	k.cluster.events.sessions.add(n)
	if err := n.saveAndWait(); err != nil {
		n.abandon()
		k.cluster.events.sessions.remove(n)
		k.LeaveAll(s)
		if n.isOusted() {
			return nil, fmt.Errorf("its client has come once more: %w", socketio.ErrSessionEnded)
		}
		return nil, err
	}
	return n, nil
}

// maxMissedBytes bounds what a client may have missed, as MaxMessages does.
const maxMissedBytes = 16 << 20

// source is a part of a subject of the log that a session may have missed.
type source struct {
	subject, pattern string
	part             span
}

// sources are where a session looks for what it has missed, up to a number.
func (k keeper) sources(f *found, upTo uint64) []source {
	all := k.subjects.Stored(k.subjects.All())
	sources := []source{{all, all, span{max(f.record.Floor, f.offset), upTo}}}
	add := func(room string, part span) {
		part.After = max(part.After, f.offset)
		subject := k.subjects.Stored(k.subjects.Room(room))
		sources = append(sources, source{subject, k.cluster.events.backlogs.patternOf(k.adapter, room), part})
	}
	for room, since := range f.record.Rooms {
		add(room, span{since, upTo})
	}
	for room, left := range f.record.Left {
		add(room, left)
	}
	return sources
}

// missed reads what a socket has missed, up to a number.
func (k keeper) missed(ctx context.Context, f *found, upTo uint64) ([]*socketio.Delivery, error) {
	sources := k.sources(f, upTo)
	found := make([][]*socketio.Delivery, len(sources))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetchesAtOnce)
	var bytes atomic.Int64
	for i, from := range sources {
		group.Go(func() error {
			return k.cluster.events.backlogs.each(ctx, k.adapter, from.pattern, from.subject, from.part, func(e missedEvent) error {
				if !f.record.isMeant(&e.delivery.Target, e.number) {
					return nil
				}
				found[i] = append(found[i], e.delivery)
				if len(found[i]) > k.cluster.events.recovery.MaxMessages || bytes.Add(int64(e.bytes)) > maxMissedBytes {
					return socketio.ErrTooMuchMissed
				}
				return nil
			})
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("read what was missed: %w", err)
	}
	missed := slices.Concat(found...)
	slices.SortFunc(missed, func(a, b *socketio.Delivery) int { return int(int64(a.Position) - int64(b.Position)) })
	// A room that was left and joined again is read twice.
	missed = slices.CompactFunc(missed, func(a, b *socketio.Delivery) bool { return a.Position == b.Position })
	if len(missed) > k.cluster.events.recovery.MaxMessages {
		return nil, socketio.ErrTooMuchMissed
	}
	return missed, nil
}

// Save stores the socket's data.
func (k keeper) Save(s *socketio.Socket) {
	if n := k.sessionOf(s); n != nil {
		n.saveData()
	}
}

// LeaveAll lets go of the session of a socket that has recovered it, but whose connection was lost before it was connected. Kept, it
// would never end, since a gateway stores again and again what it has.
func (k keeper) LeaveAll(s *socketio.Socket) {
	k.Release(s, true)
	k.adapter.LeaveAll(s)
}

// Release ends a session here.
func (k keeper) Release(s *socketio.Socket, recoverable bool) {
	if n := k.sessionOf(s); n != nil {
		n.release(recoverable)
		k.cluster.events.sessions.remove(n)
	}
}

// Settle waits for what the socket has changed, and for all that this gateway has emitted.
func (k keeper) Settle(s *socketio.Socket, f func(error)) {
	counted, ok := k.cluster.events.admit(f)
	if !ok {
		f(outbox.ErrFull)
		return
	}
	if n := k.sessionOf(s); n != nil {
		n.settleAll(counted)
		return
	}
	k.cluster.events.out.AfterAll(func(err error) { k.cluster.done.Go(func() { counted(err) }) })
}
