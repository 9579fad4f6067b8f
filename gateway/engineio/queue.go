// SPDX-License-Identifier: Apache-2.0

package engineio

// keptCapacity is the length up to which an idle queue keeps its memory; a connection that once had a burst
// should not pay for it until it ends.
const keptCapacity = 16

// queue is what waits for a client, in order. The session's lock guards it.
type queue struct {
	waiting []*Message
	// spare is the memory of the last batch, for the next one.
	spare []*Message

	// count and bytes are what Config.MaxQueueMessages and MaxQueueBytes bound: the messages that wait,
	// those that are held, and the batch that is being written. A backlog counts as one message, and
	// its own messages do not: they are made when the client takes them.
	count, bytes int
	// taken and takenBytes are the part of them in that batch.
	taken, takenBytes int
	// deferred is what follows the waiting messages while there is a backlog, and what is held; nil if there is
	// neither.
	deferred *deferred
}

// full reports whether a limit is reached. That counts before a push, not after it: a client that keeps up
// may be sent something large.
func (q *queue) full(c *Config) bool {
	return q.count >= c.MaxQueueMessages || q.bytes >= c.MaxQueueBytes
}

// push queues messages behind all others.
func (q *queue) push(messages ...*Message) {
	if q.backlogged() {
		q.deferred.push(messages)
	} else {
		q.waiting = append(q.waiting, messages...)
	}
	q.count += len(messages)
	for _, m := range messages {
		q.bytes += len(m.frame)
	}
}

// pushFirst queues a packet of the protocol, such as a ping, in front of what is left of a backlog: a
// client may need longer for the whole of it than for its answer.
func (q *queue) pushFirst(m *Message) {
	q.waiting = append(q.waiting, m)
	q.count++
	q.bytes += len(m.frame)
}

// take returns what waits, and a piece of the backlog behind it, to be given back by release. There is at
// most one batch at a time.
func (q *queue) take() []*Message {
	batch := q.waiting
	q.waiting, q.spare = q.spare, nil
	q.taken, q.takenBytes = q.count, q.bytes
	if q.deferred == nil {
		return batch
	}
	q.taken, q.takenBytes = len(batch), 0
	for _, m := range batch {
		q.takenBytes += len(m.frame)
	}
	return q.takePiece(batch)
}

// release says that a batch is written.
func (q *queue) release(batch []*Message) {
	q.count -= q.taken
	q.bytes -= q.takenBytes
	q.taken, q.takenBytes = 0, 0
	if cap(batch) <= keptCapacity {
		clear(batch)
		q.spare = batch[:0]
	}
}

// drop forgets what waits. A batch that is being written stays counted until it is released.
func (q *queue) drop() {
	q.waiting, q.deferred = nil, nil
	q.count, q.bytes = q.taken, q.takenBytes
}

// empty reports whether nothing waits. To know it of a backlog, the next part of it is made: so it is
// asked only by a transport that can send.
func (q *queue) empty() bool {
	return len(q.waiting) == 0 && (!q.backlogged() || !q.prepare())
}

// backlogPiece is how much of a backlog is made at a time, in bytes: as much as goes out in a few system
// calls. It is what a client that does not read costs, or one event if that is larger.
const backlogPiece = 64 << 10

// deferred is a backlog that a client takes piece by piece, and what was sent after it; and what is held.
type deferred struct {
	// next makes the next messages of the backlog that the client is sent now; nil if there is none.
	next func() []*Message
	// made are those of them that were not taken yet. stalled: there are none yet, and next is not called.
	made    []*Message
	stalled bool
	// behind is what follows, in order.
	behind []queued
	// held is how many messages are held.
	held int
}

// queued is a message, or a backlog.
type queued struct {
	message *Message
	next    func() []*Message
}

func (l *deferred) push(messages []*Message) {
	for _, m := range messages {
		l.behind = append(l.behind, queued{message: m})
	}
}

// backlogged reports whether a backlog is on its way.
func (q *queue) backlogged() bool { return q.deferred != nil && q.deferred.next != nil }

// ensureDeferred makes room for a backlog, or for what is held.
func (q *queue) ensureDeferred() *deferred {
	if q.deferred == nil {
		q.deferred = &deferred{}
	}
	return q.deferred
}

// trimDeferred gives it back when there is nothing in it.
func (q *queue) trimDeferred() {
	if q.deferred != nil && q.deferred.next == nil && q.deferred.held == 0 {
		q.deferred = nil
	}
}

// hold counts messages that are pushed later.
func (q *queue) hold(messages []*Message) {
	q.ensureDeferred().held += len(messages)
	q.count += len(messages)
	for _, m := range messages {
		q.bytes += len(m.frame)
	}
}

// unhold takes off what hold has counted.
func (q *queue) unhold(messages []*Message) {
	q.deferred.held -= len(messages)
	q.trimDeferred()
	q.count -= len(messages)
	for _, m := range messages {
		q.bytes -= len(m.frame)
	}
}

// pushBacklog queues a backlog behind all else.
func (q *queue) pushBacklog(next func() []*Message) {
	q.count++
	if !q.backlogged() {
		q.ensureDeferred().next = next
		return
	}
	q.deferred.behind = append(q.deferred.behind, queued{next: next})
}

// prepare sees to it that there are messages to be taken, either of the backlog or, where that has ended,
// of what is behind it. It is false if nothing is left, or nothing is there yet. A backlog is on its way
// when it is called.
func (q *queue) prepare() bool {
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
func (q *queue) advance() bool {
	l := q.deferred
	for i, b := range l.behind {
		if b.next != nil {
			l.behind[i] = queued{}
			l.next, l.behind = b.next, l.behind[i+1:]
			return true
		}
		q.waiting = append(q.waiting, b.message)
		l.behind[i] = queued{}
	}
	l.next, l.behind = nil, nil
	q.trimDeferred()
	return false
}

// takePiece adds a piece of the backlog to a batch.
func (q *queue) takePiece(batch []*Message) []*Message {
	for size := 0; size < backlogPiece && q.backlogged(); {
		// What is behind one backlog goes in front of the next.
		if !q.prepare() || !q.backlogged() || len(q.waiting) > 0 {
			break
		}
		for _, m := range q.deferred.made {
			size += len(m.frame)
		}
		batch = append(batch, q.deferred.made...)
		q.deferred.made = nil
	}
	return batch
}
