// SPDX-License-Identifier: Apache-2.0

// Package sendqueue keeps what waits for one client, in order: messages, and backlogs that are made piece
// by piece as the client takes them.
package sendqueue

// Message is what is queued.
type Message interface {
	comparable
	// Size is what the message counts for, in bytes; PollSize is what it takes in the answer to a poll.
	Size() int
	PollSize() int64
}

// KeptCapacity is the length up to which an idle queue keeps its memory; a connection that once had a burst
// should not pay for it until it ends.
const KeptCapacity = 16

// Queue is what waits for a client. It is not safe for concurrent use.
type Queue[M Message] struct {
	waiting []M
	// spare is the memory of the last batch, for the next one.
	spare []M

	// count and bytes are what Config.MaxQueueMessages and MaxQueueBytes bound: the messages that wait,
	// those that are held, and the batch that is being written. A backlog counts as one message, and
	// its own messages do not: they are made when the client takes them.
	count, bytes int
	// taken and takenBytes are the part of them in that batch.
	taken, takenBytes int
	// deferred is what follows the waiting messages while there is a backlog, and what is held; nil if there is
	// neither.
	deferred *deferred[M]
}

// Full reports whether a limit is reached. That counts before a push, not after it: a client that keeps up
// may be sent something large.
func (q *Queue[M]) Full(maxMessages, maxBytes int) bool {
	return q.count >= maxMessages || q.bytes >= maxBytes
}

// Count is how many messages Full counts, and Bytes how many bytes.
func (q *Queue[M]) Count() int { return q.count }

// Bytes is what Full counts.
func (q *Queue[M]) Bytes() int { return q.bytes }

// Deferring reports whether a backlog waits or something is held, and there is memory for that.
func (q *Queue[M]) Deferring() bool { return q.deferred != nil }

// Spare is the memory that is kept for the next batch.
func (q *Queue[M]) Spare() []M { return q.spare }

// Resume goes on with a backlog that had nothing yet. It is false if there is none.
func (q *Queue[M]) Resume() bool {
	if q.deferred == nil {
		return false
	}
	q.deferred.stalled = false
	return true
}

// Push queues messages behind all others.
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

// PushFirst queues a packet of the protocol, such as a ping, in front of what is left of a backlog: a
// client may need longer for the whole of it than for its answer.
func (q *Queue[M]) PushFirst(m M) {
	q.waiting = append(q.waiting, m)
	q.count++
	q.bytes += m.Size()
}

// Take returns what waits, and a piece of the backlog behind it, to be given back by release. There is at
// most one batch at a time.
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

// Release says that a batch is written.
func (q *Queue[M]) Release(batch []M) {
	q.count -= q.taken
	q.bytes -= q.takenBytes
	q.taken, q.takenBytes = 0, 0
	if cap(batch) <= KeptCapacity {
		clear(batch)
		q.spare = batch[:0]
	}
}

// Drop forgets what waits. A batch that is being written stays counted until it is released.
func (q *Queue[M]) Drop() {
	q.waiting, q.deferred = nil, nil
	q.count, q.bytes = q.taken, q.takenBytes
}

// Empty reports whether nothing waits. To know it of a backlog, the next part of it is made: so it is
// asked only by a transport that can send.
func (q *Queue[M]) Empty() bool {
	return len(q.waiting) == 0 && (!q.Backlogged() || !q.prepare())
}

// BacklogPiece is how much of a backlog is made at a time, in bytes: as much as goes out in a few system
// calls. It is what a client that does not read costs, or one event if that is larger.
const BacklogPiece = 64 << 10

// deferred is a backlog that a client takes piece by piece, and what was sent after it; and what is held.
type deferred[M Message] struct {
	// next makes the next messages of the backlog that the client is sent now; nil if there is none.
	next func() []M
	// made are those of them that were not taken yet. stalled: there are none yet, and next is not called.
	made    []M
	stalled bool
	// behind is what follows, in order.
	behind []queued[M]
	// held is how many messages are held.
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

// Backlogged reports whether a backlog is on its way.
func (q *Queue[M]) Backlogged() bool { return q.deferred != nil && q.deferred.next != nil }

// ensureDeferred makes room for a backlog, or for what is held.
func (q *Queue[M]) ensureDeferred() *deferred[M] {
	if q.deferred == nil {
		q.deferred = &deferred[M]{}
	}
	return q.deferred
}

// trimDeferred gives it back when there is nothing in it.
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

// Unhold takes off what hold has counted.
func (q *Queue[M]) Unhold(messages []M) {
	q.deferred.held -= len(messages)
	q.trimDeferred()
	q.count -= len(messages)
	for _, m := range messages {
		q.bytes -= m.Size()
	}
}

// PushBacklog queues a backlog behind all else.
func (q *Queue[M]) PushBacklog(next func() []M) {
	q.count++
	if !q.Backlogged() {
		q.ensureDeferred().next = next
		return
	}
	q.deferred.behind = append(q.deferred.behind, queued[M]{next: next})
}

// prepare sees to it that there are messages to be taken, either of the backlog or, where that has ended,
// of what is behind it. It is false if nothing is left, or nothing is there yet. A backlog is on its way
// when it is called.
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

// advance goes on behind the end of a backlog: it is true if another one follows there.
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
		// What is behind one backlog goes in front of the next.
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

// TakeForPoll takes from the front of the queue what one answer to a poll holds: at most so many packets
// and bytes, but always one packet. The caller may keep the slice.
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
	clear(q.waiting[:n]) // the rest may wait for long in the same array
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

// takeDeferredForPoll adds to the answer what it has room for of a backlog.
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
