// SPDX-License-Identifier: Apache-2.0

package engineio

// backlogPiece is how much of a backlog is made at a time, in bytes: as much as goes out in a few system
// calls. It is what a client that does not read costs, or one event if that is larger.
const backlogPiece = 64 << 10

// later is a backlog that a client takes piece by piece, and what was sent after it.
type later struct {
	// next makes the next messages of the backlog that the client is sent now; nil at its end.
	next func() []*Message
	// made are those of them that were not taken yet.
	made []*Message
	// behind is what follows, in order.
	behind []queued
}

// queued is a message, or a backlog.
type queued struct {
	message *Message
	next    func() []*Message
}

func (l *later) push(messages []*Message) {
	for _, m := range messages {
		l.behind = append(l.behind, queued{message: m})
	}
}

// pushBacklog queues a backlog behind all else.
func (q *queue) pushBacklog(next func() []*Message) {
	q.count++
	if q.later == nil {
		q.later = &later{next: next}
		return
	}
	q.later.behind = append(q.later.behind, queued{next: next})
}

// prepare sees to it that there are messages to be taken, either of the backlog or, where that has ended,
// of what is behind it. It is false if nothing is left. later is not nil when it is called.
func (q *queue) prepare() bool {
	l := q.later
	for len(l.made) == 0 {
		if l.made = l.next(); len(l.made) > 0 {
			break
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
	l := q.later
	for i, b := range l.behind {
		if b.next != nil {
			l.behind[i] = queued{}
			l.next, l.behind = b.next, l.behind[i+1:]
			return true
		}
		q.waiting = append(q.waiting, b.message)
		l.behind[i] = queued{}
	}
	q.later = nil
	return false
}

// takePiece adds a piece of the backlog to a batch.
func (q *queue) takePiece(batch []*Message) []*Message {
	for size := 0; size < backlogPiece; {
		// What is behind one backlog goes in front of the next.
		if !q.prepare() || q.later == nil || len(q.waiting) > 0 {
			break
		}
		for _, m := range q.later.made {
			size += len(m.frame)
		}
		batch = append(batch, q.later.made...)
		q.later.made = nil
	}
	return batch
}
