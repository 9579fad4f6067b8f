// SPDX-License-Identifier: Apache-2.0

// Package sendqueue queues the messages for one client, in order, and backlogs whose messages are
// made piece by piece as the client takes them.
package sendqueue

// Message is the type of queued messages.
type Message interface {
	comparable
	// Size returns the size for the limits, in bytes; PollSize the size in the answer to a poll.
	Size() int
	PollSize() int64
}

// KeptCapacity is the capacity up to which an idle queue keeps its memory; a connection should not
// pay for an earlier burst until it ends.
const KeptCapacity = 16

// Queue is the queue of a client. It is not safe for concurrent use.
type Queue[M Message] struct {
	waiting []M
	// spare is the memory of the last batch, for the next batch.
	spare []M

	// count and bytes are limited by Config.MaxQueueMessages and MaxQueueBytes: they include
	// waiting messages, held ones, and the batch that is being written. A backlog counts as one
	// message, and its own messages do not count, since they are made when the client takes them.
	count, bytes int
	// taken and takenBytes are the share of that batch.
	taken, takenBytes int
	// deferred has the backlogs, the messages after them, and the count of held messages; nil if
	// there are none.
	deferred *deferred[M]
}

// Full reports whether a limit is reached. That is checked before a push, not after it: a client
// that keeps up may be sent something large.
func (q *Queue[M]) Full(maxMessages, maxBytes int) bool {
	return q.count >= maxMessages || q.bytes >= maxBytes
}

// Count returns the number of messages for Full.
func (q *Queue[M]) Count() int { return q.count }

// Bytes returns the number of bytes for Full.
func (q *Queue[M]) Bytes() int { return q.bytes }

// Deferring reports whether there is memory for backlogs and held messages.
func (q *Queue[M]) Deferring() bool { return q.deferred != nil }

// Spare returns the memory that is kept for the next batch.
func (q *Queue[M]) Spare() []M { return q.spare }

// Resume continues a backlog whose function has returned NotYet. It returns false if there is no
// backlog.
func (q *Queue[M]) Resume() bool {
	if q.deferred == nil {
		return false
	}
	q.deferred.stalled = false
	return true
}

// Push queues messages at the end.
func (q *Queue[M]) Push(messages ...M) {
	if q.Backlogged() {
		q.deferred.push(messages)
	} else {
		q.waiting = append(q.waiting, messages...)
	}
	q.count += len(messages)
	for _, m := range messages {
		q.bytes += m.Size()
	}
}

// PushFirst queues a packet of the protocol, such as a ping, before the rest of a backlog:
// receiving the backlog may take longer than the client has for its answer.
func (q *Queue[M]) PushFirst(m M) {
	q.waiting = append(q.waiting, m)
	q.count++
	q.bytes += m.Size()
}

// Take returns the queued messages, followed by a piece of the backlog. The caller must call
// Release. There is at most one batch at a time.
func (q *Queue[M]) Take() []M {
	batch := q.waiting
	q.waiting, q.spare = q.spare, nil
	q.taken, q.takenBytes = q.count, q.bytes
	if q.deferred == nil {
		return batch
	}
	q.taken, q.takenBytes = len(batch), 0
	for _, m := range batch {
		q.takenBytes += m.Size()
	}
	return q.takePiece(batch)
}

// Release ends the batch that Take has returned.
func (q *Queue[M]) Release(batch []M) {
	q.count -= q.taken
	q.bytes -= q.takenBytes
	q.taken, q.takenBytes = 0, 0
	if cap(batch) <= KeptCapacity {
		clear(batch)
		q.spare = batch[:0]
	}
}

// Drop drops the queued messages. A batch that is being written counts until Release.
func (q *Queue[M]) Drop() {
	q.waiting, q.deferred = nil, nil
	q.count, q.bytes = q.taken, q.takenBytes
}

// Empty reports whether the queue is empty. For a backlog it has to make the next piece, so only a
// transport that can send may call it.
func (q *Queue[M]) Empty() bool {
	return len(q.waiting) == 0 && (!q.Backlogged() || !q.prepare())
}

// BacklogPiece is the size of a piece of a backlog, in bytes: as much as a few system calls send.
// It is the cost of a client that does not read, unless a single event is larger.
const BacklogPiece = 64 << 10

// deferred is a backlog that a client takes piece by piece, the messages after it, and the number
// of held messages.
type deferred[M Message] struct {
	// next makes the next messages of the current backlog; nil if there is none.
	next func() []M
	// made are messages of it that were not taken yet. stalled: it has none yet, and next is not
	// called.
	made    []M
	stalled bool
	// behind are the messages and backlogs after it, in order.
	behind []queued[M]
	// held is the number of held messages.
	held int
}

// queued is a message, or a backlog.
type queued[M Message] struct {
	message M
	next    func() []M
}

func (l *deferred[M]) push(messages []M) {
	for _, m := range messages {
		l.behind = append(l.behind, queued[M]{message: m})
	}
}

// Backlogged reports whether there is a backlog.
func (q *Queue[M]) Backlogged() bool { return q.deferred != nil && q.deferred.next != nil }

// ensureDeferred allocates deferred.
func (q *Queue[M]) ensureDeferred() *deferred[M] {
	if q.deferred == nil {
		q.deferred = &deferred[M]{}
	}
	return q.deferred
}

// trimDeferred frees deferred if it is empty.
func (q *Queue[M]) trimDeferred() {
	if q.deferred != nil && q.deferred.next == nil && q.deferred.held == 0 {
		q.deferred = nil
	}
}

// Hold counts messages that are pushed later.
func (q *Queue[M]) Hold(messages []M) {
	q.ensureDeferred().held += len(messages)
	q.count += len(messages)
	for _, m := range messages {
		q.bytes += m.Size()
	}
}

// Unhold undoes Hold.
func (q *Queue[M]) Unhold(messages []M) {
	q.deferred.held -= len(messages)
	q.trimDeferred()
	q.count -= len(messages)
	for _, m := range messages {
		q.bytes -= m.Size()
	}
}

// PushBacklog queues a backlog at the end.
func (q *Queue[M]) PushBacklog(next func() []M) {
	q.count++
	if !q.Backlogged() {
		q.ensureDeferred().next = next
		return
	}
	q.deferred.behind = append(q.deferred.behind, queued[M]{next: next})
}

// prepare makes sure that there are messages to take, of the backlog or, after its end, of those
// after it. It returns false if there are none, or none yet. There must be a backlog.
func (q *Queue[M]) prepare() bool {
	l := q.deferred
	for len(l.made) == 0 {
		if !l.stalled {
			l.made = l.next()
		}
		if len(l.made) > 0 {
			break
		}
		if l.stalled = l.stalled || l.made != nil; l.stalled { // NotYet
			return len(q.waiting) > 0
		}
		q.count--
		if !q.advance() || len(q.waiting) > 0 {
			return len(q.waiting) > 0
		}
	}
	return true
}

// advance continues after the end of a backlog. It reports whether another one follows.
func (q *Queue[M]) advance() bool {
	l := q.deferred
	for i, b := range l.behind {
		if b.next != nil {
			l.behind[i] = queued[M]{}
			l.next, l.behind = b.next, l.behind[i+1:]
			return true
		}
		q.waiting = append(q.waiting, b.message)
		l.behind[i] = queued[M]{}
	}
	l.next, l.behind = nil, nil
	q.trimDeferred()
	return false
}

// takePiece adds a piece of the backlog to a batch.
func (q *Queue[M]) takePiece(batch []M) []M {
	for size := 0; size < BacklogPiece && q.Backlogged(); {
		// Messages after one backlog come before the next.
		if !q.prepare() || !q.Backlogged() || len(q.waiting) > 0 {
			break
		}
		for _, m := range q.deferred.made {
			size += m.Size()
		}
		batch = append(batch, q.deferred.made...)
		q.deferred.made = nil
	}
	return batch
}

// TakeForPoll takes the messages for one answer to a poll from the front of the queue: at most so
// many packets and bytes, but always one packet. The caller may keep the slice.
func (q *Queue[M]) TakeForPoll(maxPackets int, maxBytes int64) []M {
	n, bytes := 0, 0
	var size int64
	for n < len(q.waiting) && n < maxPackets {
		m := q.waiting[n]
		if size += m.PollSize(); n > 0 && size > maxBytes {
			break
		}
		bytes += m.Size()
		n++
	}
	batch := append(make([]M, 0, n), q.waiting[:n]...)
	all := n == len(q.waiting)
	clear(q.waiting[:n]) // the rest may stay in the same array for long
	switch {
	case n < len(q.waiting):
		q.waiting = q.waiting[n:]
	case cap(q.waiting) <= KeptCapacity:
		q.waiting = q.waiting[:0]
	default:
		q.waiting = nil
	}
	q.taken, q.takenBytes = n, bytes
	q.Release(nil) // the answer keeps the batch
	if all {
		batch = q.takeDeferredForPoll(batch, maxPackets, maxBytes-size)
	}
	return batch
}

// takeDeferredForPoll adds messages of a backlog to the answer, as many as it has room for.
func (q *Queue[M]) takeDeferredForPoll(batch []M, maxPackets int, maxBytes int64) []M {
	for len(batch) < maxPackets && q.Backlogged() && q.prepare() && q.Backlogged() && len(q.waiting) == 0 {
		m := q.deferred.made[0]
		if maxBytes -= m.PollSize(); len(batch) > 0 && maxBytes < 0 {
			break
		}
		batch = append(batch, m)
		q.deferred.made = q.deferred.made[1:]
	}
	return batch
}
