// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// backlogPause is the pause between two reads of a backlog: sessions that return in the
	// meantime share the next read.
	backlogPause = 50 * time.Millisecond
	// maxBacklogBytes bounds a backlog. Sessions read a larger part of the log separately.
	maxBacklogBytes = 16 << 20
	// missedEventBytes is the size of an event besides its text and attachments, which count twice
	// when it is encoded.
	missedEventBytes = 512
)

// errOversize: a part of the log is larger than a backlog may be.
var errOversize = errors.New("a part of the log is too large to be kept")

// missedEvent is an event of the log in the form in which clients that have missed it receive it.
// They share it.
type missedEvent struct {
	number   uint64
	delivery *socketio.Delivery
	bytes    int
}

func compareNumber(e missedEvent, number uint64) int { return int(int64(e.number) - int64(number)) }

// backlog is a part of the log that is read once for all sessions that have missed it: the events
// of a subject, or of all subjects of a pattern. The part grows, at both ends, as sessions return.
// Safe for concurrent use.
type backlog struct {
	namespace *Namespace
	pattern   string
	// generation and policy are those of its events: with others, clients would have to receive
	// something else.
	generation string
	policy     *func(room string) socketio.RoomPolicy
	// reading holds one element while the log is read.
	reading chan struct{}

	mu sync.Mutex
	// wanted is the part that the sessions need that wait for the next read. Guarded by mu.
	wanted span
	// has is the part that has been read, without a gap. Guarded by mu.
	has span
	// tooFar is the highest sequence after which there was too much to keep. Guarded by mu.
	tooFar uint64
	// events has the events of each subject, in order, and bytes is the size of all. Guarded by mu.
	events map[string][]missedEvent
	bytes  int
	// begun is when the log was read last, and used when a session last asked for events. Guarded
	// by mu.
	begun, used time.Time
}

// covers reports whether a span contains another one.
func (s span) covers(part span) bool {
	return s.UpTo != 0 && s.After <= part.After && s.UpTo >= part.UpTo
}

// widen returns the smallest span that contains both.
func (s span) widen(part span) span {
	if s.UpTo == 0 {
		return part
	}
	return span{After: min(s.After, part.After), UpTo: max(s.UpTo, part.UpTo)}
}

// read returns the events of a subject in a part of the log. If sessions need events that have not
// been read, one of them reads for all, and the others wait for it. The error is errOversize for a
// part that is not kept.
func (b *backlog) read(ctx context.Context, subject string, part span) ([]missedEvent, error) {
	b.want(part)
	for {
		events, err := b.find(subject, part)
		if !errors.Is(err, eventlog.ErrNotFound) {
			return events, err
		}
		select {
		case b.reading <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if _, err = b.find(subject, part); errors.Is(err, eventlog.ErrNotFound) {
			err = b.extend(ctx, part)
		}
		<-b.reading
		if err != nil {
			return nil, err
		}
	}
}

func (b *backlog) want(part span) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wanted = b.wanted.widen(part)
}

// find returns the result of read, or eventlog.ErrNotFound if the part has yet to be read.
func (b *backlog) find(subject string, part span) ([]missedEvent, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = time.Now()
	switch {
	case b.has.covers(part):
		all := b.events[subject]
		from, _ := slices.BinarySearchFunc(all, part.After+1, compareNumber)
		to, _ := slices.BinarySearchFunc(all, part.UpTo+1, compareNumber)
		return all[from:to:to], nil
	case b.tooFar != 0 && part.After <= b.tooFar:
		return nil, errOversize
	}
	return nil, eventlog.ErrNotFound
}

// extend reads the part that waiting sessions need or, if that fails, the part that the calling
// session needs: another one may need what the log no longer has. The caller holds reading.
func (b *backlog) extend(ctx context.Context, part span) error {
	if err := b.pause(ctx); err != nil {
		return err
	}
	wanted := b.takeWanted().widen(part)
	wanted.UpTo = max(wanted.UpTo, b.namespace.owner.log.Delivered()) // also for the sessions that come next
	err := b.extendTo(ctx, wanted)
	if wanted.After < part.After && (errors.Is(err, errOversize) || errors.Is(err, socketio.ErrTooMuchMissed)) {
		wanted.After = part.After
		err = b.extendTo(ctx, wanted)
	}
	if errors.Is(err, errOversize) {
		b.giveUp(part)
	}
	return err
}

// pause waits until it is time for the next read.
func (b *backlog) pause(ctx context.Context) error {
	b.mu.Lock()
	wait := time.Until(b.begun.Add(backlogPause))
	b.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *backlog) takeWanted() span {
	b.mu.Lock()
	defer b.mu.Unlock()
	wanted := b.wanted
	b.wanted, b.begun = span{}, time.Now()
	return wanted
}

// extendTo reads the missing ends of a part. The caller holds reading.
func (b *backlog) extendTo(ctx context.Context, wanted span) error {
	b.mu.Lock()
	has, size := b.has, b.bytes
	b.mu.Unlock()
	missing := []span{wanted}
	if has.UpTo != 0 {
		missing = []span{{wanted.After, has.After}, {has.UpTo, wanted.UpTo}}
	}
	parts := make([][]storedEvent, len(missing))
	for i, part := range missing {
		if part.After >= part.UpTo {
			continue
		}
		var err error
		if parts[i], size, err = b.fetch(ctx, part, size); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(parts) == 2 {
		for _, e := range slices.Backward(parts[0]) {
			b.events[e.subject] = slices.Insert(b.events[e.subject], 0, e.missedEvent)
		}
	}
	for _, e := range parts[len(parts)-1] {
		b.events[e.subject] = append(b.events[e.subject], e.missedEvent)
	}
	b.has, b.bytes = has.widen(wanted), size
	return nil
}

// storedEvent is an event with its subject in the log.
type storedEvent struct {
	subject string
	missedEvent
}

// fetch reads a part of the log, and returns the new size of the backlog.
func (b *backlog) fetch(ctx context.Context, part span, size int) (events []storedEvent, sum int, err error) {
	owner := b.namespace.owner
	if err := acquire(ctx, owner.backlogs.reads); err != nil {
		return nil, size, err
	}
	defer release(owner.backlogs.reads)
	read := owner.log.Fetch
	if b.isWide() {
		read = owner.log.Scan
	}
	counts := b.counts()
	err = read(ctx, b.pattern, part.After+1, part.UpTo, func(stored eventlog.Message) error {
		e, ok := b.namespace.missedEvent(stored)
		if !ok {
			return nil
		}
		// A scan does not report dropped messages of a subject. A session that reads its own
		// subject notices them.
		counts[stored.Subject]++
		dropped := b.isWide() && counts[stored.Subject] >= owner.log.Suspicious()
		if size += e.bytes; size > maxBacklogBytes || dropped {
			return errOversize
		}
		events = append(events, storedEvent{stored.Subject, e})
		return nil
	})
	return events, size, err
}

// counts returns the number of events of each subject.
func (b *backlog) counts() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := make(map[string]int, len(b.events))
	for subject, events := range b.events {
		counts[subject] = len(events)
	}
	return counts
}

// isWide reports whether the pattern matches more than one subject.
func (b *backlog) isWide() bool { return strings.HasSuffix(b.pattern, "*") }

// giveUp clears the backlog, without a part that is too large.
func (b *backlog) giveUp(part span) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.has.UpTo == 0 {
		b.tooFar = max(b.tooFar, part.After)
	}
	b.has, b.events, b.bytes = span{}, map[string][]missedEvent{}, 0
}

// missedEvent returns a message of the log in the form in which clients that have missed it receive
// it.
func (ns *Namespace) missedEvent(stored eventlog.Message) (missedEvent, bool) {
	m, err := ns.owner.host.Decode(stored.Data)
	if err != nil {
		return missedEvent{}, false
	}
	d := &m.Delivery
	if ns.IsRevised(d.Rooms) {
		d.ExtraArgs = eventlog.AppendRevision(nil, stored.Sequence)
	}
	d.ExtraArgs = ns.owner.log.AppendOffset(d.ExtraArgs, stored.Sequence)
	d.Position, d.Trace = stored.Sequence, stored.Trace
	d.Share()
	bytes := missedEventBytes + 2*len(d.Text)
	for _, attachment := range d.Attachments {
		bytes += 2 * len(attachment)
	}
	return missedEvent{stored.Sequence, d, bytes}, true
}
