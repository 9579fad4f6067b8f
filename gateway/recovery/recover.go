// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// recoverTimeout bounds the recovery of a session.
	recoverTimeout = 10 * time.Second
	// rereadPause is the pause before a session that has changed is read again.
	rereadPause = 20 * time.Millisecond
	// fetchesAtOnce bounds how many rooms of one session are read at the same time.
	fetchesAtOnce = 8
)

// loadedSession is a session that Find has read.
type loadedSession struct {
	record *record
	number uint64
	// offset is the sequence of the last event that the client has received.
	offset uint64
}

// Keep creates a session.
func (ns *Namespace) Keep(s *socketio.Socket, kept func(pid string)) {
	r := &record{
		SocketID: s.ID(), Namespace: ns.base.Namespace().Name(), Gateway: ns.owner.config.Gateway,
		By: wire.RandomToken(writerLength), Identity: s.Identity(),
	}
	var err error
	if r.Data, err = s.EncodeData(); err != nil {
		ns.owner.metrics.count("unkept")
		ns.owner.logger.Error("a socket cannot be recovered, since its data cannot be kept", s.LogAttr(), "error", err)
		kept("")
		return
	}
	n := ns.newSession(s, wire.RandomToken(pidLength), r)
	ns.owner.add(n)
	n.saveAndThen(func(err error) {
		if err != nil {
			ns.owner.metrics.count("unsaved")
			n.abandon()
			ns.owner.remove(n)
			kept("")
			return
		}
		kept(n.pid)
	})
}

// Find reads a session in the log.
func (ns *Namespace) Find(pid, has string) (*socketio.Session, error) {
	owner := ns.owner
	if len(pid) != pidLength {
		return nil, nil
	}
	ctx := owner.finding.context(owner.life)
	if err := owner.log.AwaitReady(ctx); err != nil {
		ns.owner.metrics.count("unavailable")
		return nil, fmt.Errorf("the log is not ready: %w", err)
	}
	f, err := owner.findSession(ctx, pid, ns.base.Namespace().Name(), owner.lookUpSession)
	if errors.Is(err, socketio.ErrSessionEnded) { // a replica says so, and may be outdated
		f, err = owner.findSession(ctx, pid, ns.base.Namespace().Name(), owner.readSession)
	}
	switch {
	case errors.Is(err, eventlog.ErrNotFound) || errors.Is(err, socketio.ErrSessionEnded):
		ns.owner.metrics.count("refused")
		return nil, nil
	case err != nil:
		ns.owner.metrics.count("unavailable")
		return nil, err
	}
	reaches := false
	if f.offset, reaches = owner.log.ParseOffset(has); !reaches {
		ns.owner.metrics.count("log_restored")
		return nil, nil
	}
	if f.record.Restarted && f.offset == 0 {
		ns.owner.metrics.count("log_restarted")
		return nil, nil
	}
	if f.offset < f.record.Floor {
		f.offset = f.record.Floor // it has received nothing yet, or does not know what
	}
	return &socketio.Session{
		PID: pid, SocketID: f.record.SocketID, Identity: f.record.Identity, Data: f.record.Data, Holder: f.record.By, State: f,
	}, nil
}

// sessionReader reads the session of a subject, and the sequence of its last message.
type sessionReader func(ctx context.Context, subject string) (*record, uint64, error)

// findSession reads a session that can be recovered.
func (s *Sessions) findSession(ctx context.Context, pid, namespace string, read sessionReader) (*loadedSession, error) {
	r, number, err := read(ctx, wire.SessionSubject(s.config.Service, pid))
	if err != nil {
		return nil, err
	}
	switch {
	case r.Ended || r.Namespace != namespace:
		return nil, socketio.ErrSessionEnded
	case r.Gone != 0 && time.Since(time.UnixMilli(r.Gone)) > s.config.MaxDisconnection:
		return nil, socketio.ErrSessionEnded
	}
	return &loadedSession{record: r, number: number}, nil
}

// reread waits for a newer record of a session than the one that was found. It exists, but a newly
// elected leader may not have it yet.
func (s *Sessions) reread(ctx context.Context, pid, namespace string, f *loadedSession) error {
	for {
		again, err := s.findSession(ctx, pid, namespace, s.readSession)
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
		case <-s.stop:
			return fmt.Errorf("read a session again: %w", nats.ErrConnectionClosed)
		}
	}
}

// Recover takes a session over.
func (ns *Namespace) Recover(s *socketio.Socket, kept *socketio.Session) ([]*socketio.Delivery, uint64, error) {
	missed, number, err := ns.recover(s, kept)
	switch {
	case errors.Is(err, eventlog.ErrTrimmed):
		ns.owner.metrics.count("log_trimmed")
	case errors.Is(err, socketio.ErrTooMuchMissed):
		ns.owner.metrics.count("too_much_missed")
	case errors.Is(err, socketio.ErrSessionEnded) || errors.Is(err, eventlog.ErrNotFound):
		ns.owner.metrics.count("refused")
	case err != nil:
		ns.owner.metrics.count("unavailable")
		err = errors.Join(socketio.ErrUnavailable, err)
		ns.base.KeepPlaces(s)
	default:
		ns.owner.metrics.count("recovered")
	}
	return missed, number, err
}

// recover takes the session over, tells the gateway that had it, and reads the missed events.
func (ns *Namespace) recover(s *socketio.Socket, kept *socketio.Session) ([]*socketio.Delivery, uint64, error) {
	owner := ns.owner
	ctx, cancel := context.WithTimeout(owner.life, recoverTimeout)
	defer cancel()
	f := kept.State.(*loadedSession) //nolint:forcetypeassert // Find has made it
	n, err := ns.takeOver(ctx, s, kept, f)
	if err != nil {
		return nil, 0, err
	}
	number := n.number()
	ns.notifyPrevious(kept.PID, f, number)
	if f.offset >= number {
		f.offset = f.record.Floor // nobody can have received that
	}
	done := owner.backlogs.begin(f.record.SocketID)
	missed, err := ns.missed(ctx, f, number)
	done()
	if errors.Is(err, socketio.ErrTooMuchMissed) {
		n.release(false)
	}
	if err != nil {
		n.abandon()
		owner.remove(n)
		return nil, 0, err
	}
	return missed, number, nil
}

// takeOver makes this gateway the owner of the session, whatever its latest record is by then.
func (ns *Namespace) takeOver(ctx context.Context, s *socketio.Socket, kept *socketio.Session, f *loadedSession) (*session, error) {
	owner := ns.owner
	for {
		if old := owner.find(kept.PID); old != nil {
			old.supersede()
			owner.remove(old)
			ns.base.KeepPlaces(old.socket)
			old.socket.Supersede()
		}
		f.record.restrict(kept)
		n, err := ns.take(s, kept.PID, f)
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, outbox.ErrWrongSequence) {
			return nil, fmt.Errorf("take a session over: %w", err)
		}
		if err := owner.reread(ctx, kept.PID, ns.base.Namespace().Name(), f); err != nil {
			return nil, err
		}
	}
}

// notifyPrevious sends the fence to the gateway that had the session. If it does not arrive, that
// gateway notices the takeover when it writes its next record.
func (ns *Namespace) notifyPrevious(pid string, f *loadedSession, number uint64) {
	if previous := f.record.Gateway; previous != ns.owner.config.Gateway {
		ns.owner.host.Send(wire.FenceSubject(ns.owner.config.Service, previous), encodeFence(pid, number))
	}
}

// take makes this gateway the owner of the session: the socket is in its rooms, and receives their
// events, before that is stored. So events before the new record are replayed, and later ones are
// delivered as they come.
func (ns *Namespace) take(s *socketio.Socket, pid string, f *loadedSession) (*session, error) {
	rooms := make([]string, 0, len(f.record.Rooms))
	for room := range f.record.Rooms {
		rooms = append(rooms, room)
	}
	ns.base.Join(s, rooms...)
	next := f.record.clone()
	next.Gateway, next.By, next.Gone = ns.owner.config.Gateway, wire.RandomToken(writerLength), 0
	next.Identity = s.Identity() // the same user, perhaps with other claims
	n := ns.newSession(s, pid, next)
	n.machine.state, n.chain.last = taking, f.number
	ns.owner.add(n)
	if err := n.saveAndWait(); err != nil {
		n.abandon()
		ns.owner.remove(n)
		ns.base.KeepPlaces(s) // it may be tried again, by this socket or by another one
		ns.LeaveAll(s)
		if n.isSuperseded() {
			return nil, fmt.Errorf("its client has come once more: %w", socketio.ErrSessionEnded)
		}
		return nil, err
	}
	return n, nil
}

// maxMissedBytes bounds what a client may have missed, in addition to MaxMessages.
const maxMissedBytes = 16 << 20

// source is a part of a subject of the log that a session may have missed.
type source struct {
	subject, pattern string
	part             span
}

// sources returns the parts of the log with events that a session may have missed, up to a
// sequence.
func (ns *Namespace) sources(f *loadedSession, upTo uint64) []source {
	all := ns.base.Subjects().Stored(ns.base.Subjects().All())
	sources := []source{{all, all, span{max(f.record.Floor, f.offset), upTo}}}
	add := func(room string, part span) {
		part.After = max(part.After, f.offset)
		subject := ns.base.Subjects().Stored(ns.base.Subjects().Room(room))
		sources = append(sources, source{subject, ns.owner.backlogs.patternOf(ns, room), part})
	}
	for room, since := range f.record.Rooms {
		add(room, span{since, upTo})
	}
	for room, left := range f.record.Left {
		add(room, left)
	}
	return sources
}

// missed reads the events that a socket has missed, up to a sequence.
func (ns *Namespace) missed(ctx context.Context, f *loadedSession, upTo uint64) ([]*socketio.Delivery, error) {
	sources := ns.sources(f, upTo)
	found := make([][]*socketio.Delivery, len(sources))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetchesAtOnce)
	var bytes atomic.Int64
	for i, from := range sources {
		group.Go(func() error {
			return ns.owner.backlogs.each(ctx, ns, from.pattern, from.subject, from.part, func(e missedEvent) error {
				if !f.record.isMeant(&e.delivery.Target, e.number) {
					return nil
				}
				found[i] = append(found[i], e.delivery)
				if len(found[i]) > ns.owner.config.MaxMessages || bytes.Add(int64(e.bytes)) > maxMissedBytes {
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
	if len(missed) > ns.owner.config.MaxMessages {
		return nil, socketio.ErrTooMuchMissed
	}
	return missed, nil
}

// Save stores the socket's data.
func (ns *Namespace) Save(s *socketio.Socket) {
	if n := ns.sessionOf(s); n != nil {
		n.saveData()
	}
}

// Release ends a session on this gateway.
func (ns *Namespace) Release(s *socketio.Socket, recoverable bool) {
	if n := ns.sessionOf(s); n != nil {
		n.release(recoverable)
		ns.owner.remove(n)
	}
}

// Settle waits for the outcome of the socket's changes, and of all events that this gateway has
// emitted.
func (ns *Namespace) Settle(s *socketio.Socket, f func(error)) {
	counted, ok := ns.owner.log.Admit(f)
	if !ok {
		f(outbox.ErrFull)
		return
	}
	if n := ns.sessionOf(s); n != nil {
		n.afterStored(counted)
		return
	}
	ns.owner.log.AfterAll(func(err error) { ns.owner.host.Go(func() { counted(err) }) })
}
