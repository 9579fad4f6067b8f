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
	// later is what follows the waiting messages while there is a backlog, and what is held; nil if there is
	// neither.
	later *later
}

// full reports whether a limit is reached. That counts before a push, not after it: a client that keeps up
// may be sent something large.
func (q *queue) full(c *Config) bool {
	return q.count >= c.MaxQueueMessages || q.bytes >= c.MaxQueueBytes
}

// push queues messages behind all others.
func (q *queue) push(messages ...*Message) {
	if q.backlogged() {
		q.later.push(messages)
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
	if q.later == nil {
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
	q.waiting, q.later = nil, nil
	q.count, q.bytes = q.taken, q.takenBytes
}

// empty reports whether nothing waits. To know it of a backlog, the next part of it is made: so it is
// asked only by a transport that can send.
func (q *queue) empty() bool {
	return len(q.waiting) == 0 && (!q.backlogged() || !q.prepare())
}
