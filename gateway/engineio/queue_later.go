// SPDX-License-Identifier: Apache-2.0

package engineio

// backlogPiece is how much of a backlog is made at a time, in bytes: as much as goes out in a few system
// calls. It is what a client that does not read costs, or one event if that is larger.
const backlogPiece = 64 << 10

// later is a backlog that a client takes piece by piece, and what was sent after it; and what is held.
type later struct {
	// next makes the next messages of the backlog that the client is sent now; nil if there is none.
	next func() []*Message
	// made are those of them that were not taken yet.
	made []*Message
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

func (l *later) push(messages []*Message) {
	for _, m := range messages {
		l.behind = append(l.behind, queued{message: m})
	}
}

// backlogged reports whether a backlog is on its way.
func (q *queue) backlogged() bool { return q.later != nil && q.later.next != nil }

// expect has a place for what comes later.
func (q *queue) expect() *later {
	if q.later == nil {
		q.later = &later{}
	}
	return q.later
}

// tidy gives it up when there is nothing in it.
func (q *queue) tidy() {
	if q.later != nil && q.later.next == nil && q.later.held == 0 {
		q.later = nil
	}
}

// hold counts messages that are pushed later.
func (q *queue) hold(messages []*Message) {
	q.expect().held += len(messages)
	q.count += len(messages)
	for _, m := range messages {
		q.bytes += len(m.frame)
	}
}

// unhold takes off what hold has counted.
func (q *queue) unhold(messages []*Message) {
	q.later.held -= len(messages)
	q.tidy()
	q.count -= len(messages)
	for _, m := range messages {
		q.bytes -= len(m.frame)
	}
}

// pushBacklog queues a backlog behind all else.
func (q *queue) pushBacklog(next func() []*Message) {
	q.count++
	if !q.backlogged() {
		q.expect().next = next
		return
	}
	q.later.behind = append(q.later.behind, queued{next: next})
}

// prepare sees to it that there are messages to be taken, either of the backlog or, where that has ended,
// of what is behind it. It is false if nothing is left. A backlog is on its way when it is called.
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
	l.next, l.behind = nil, nil
	q.tidy()
	return false
}

// takePiece adds a piece of the backlog to a batch.
func (q *queue) takePiece(batch []*Message) []*Message {
	for size := 0; size < backlogPiece && q.backlogged(); {
		// What is behind one backlog goes in front of the next.
		if !q.prepare() || !q.backlogged() || len(q.waiting) > 0 {
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
