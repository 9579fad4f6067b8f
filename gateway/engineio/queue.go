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

	// count and bytes are those of the waiting messages and of the batch that is being written.
	count, bytes int
	// taken and takenBytes are those of that batch.
	taken, takenBytes int
	// leave is how much of a backlog waits, by which the limits may be exceeded; nil if none does. See Session.SendBacklog.
	leave *leave
}

// leave is a backlog that waits, and what waits in front of it, each as a number of messages and their bytes.
type leave struct {
	count, bytes      int
	ahead, aheadBytes int
}

// written takes off what was written: what was in front, then the backlog.
func (l *leave) written(count, bytes int) {
	front, frontBytes := min(l.ahead, count), min(l.aheadBytes, bytes)
	l.ahead, l.aheadBytes = l.ahead-front, l.aheadBytes-frontBytes
	l.count, l.bytes = max(0, l.count-(count-front)), max(0, l.bytes-(bytes-frontBytes))
}

// full reports whether a limit is reached. That counts before a push, not after it: a client that keeps up
// may be sent something large.
func (q *queue) full(c *Config) bool {
	count, bytes := q.count, q.bytes
	if q.leave != nil {
		count, bytes = count-q.leave.count, bytes-q.leave.bytes
	}
	return count >= c.MaxQueueMessages || bytes >= c.MaxQueueBytes
}

func (q *queue) push(messages ...*Message) {
	q.waiting = append(q.waiting, messages...)
	q.count += len(messages)
	for _, m := range messages {
		q.bytes += len(m.frame)
	}
}

// take returns all that waits, to be given back by release. There is at most one batch at a time.
func (q *queue) take() []*Message {
	batch := q.waiting
	q.waiting, q.spare = q.spare, nil
	q.taken, q.takenBytes = q.count, q.bytes
	return batch
}

// release says that a batch is written.
func (q *queue) release(batch []*Message) {
	q.count -= q.taken
	q.bytes -= q.takenBytes
	if q.leave != nil {
		if q.leave.written(q.taken, q.takenBytes); q.leave.count == 0 {
			q.leave = nil
		}
	}
	q.taken, q.takenBytes = 0, 0
	if cap(batch) <= keptCapacity {
		clear(batch)
		q.spare = batch[:0]
	}
}

// drop forgets what waits. A batch that is being written stays counted until it is released.
func (q *queue) drop() {
	q.waiting = nil
	q.count, q.bytes = q.taken, q.takenBytes
}

func (q *queue) empty() bool { return len(q.waiting) == 0 }
