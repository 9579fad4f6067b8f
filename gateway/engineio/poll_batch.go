// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"math"
	"strings"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

// fewPackets is the most packets in the answer to a poll whose client may be python-engineio, the engine
// of python-socketio, which drops the connection for more (Payload.max_decode_packets). A client with more
// to fetch polls again at once, and is answered at once.
const fewPackets = 16

// pollPackets is how many packets the client takes in the answer to a poll. python-engineio stamps its
// polls with a number, the time, or not at all. Stock JavaScript clients, and clients made after them,
// stamp them with more than digits, and take any number of packets: at 50 ms a round trip, 16 at a time
// would be 320 a second.
func (r *request) pollPackets() int {
	if strings.Trim(r.query.Get("t"), "0123456789.") == "" {
		return fewPackets
	}
	return math.MaxInt
}

// takeForPoll takes from the front of the queue what one answer to a poll holds: at most so many packets
// and bytes, but always one packet. The caller may keep the slice.
func (q *queue) takeForPoll(maxPackets int, maxBytes int64) []*Message {
	n, bytes := 0, 0
	var size int64
	for n < len(q.waiting) && n < maxPackets {
		m := q.waiting[n]
		if size += pollSize(m); n > 0 && size > maxBytes {
			break
		}
		bytes += len(m.frame)
		n++
	}
	batch := append(make([]*Message, 0, n), q.waiting[:n]...)
	all := n == len(q.waiting)
	clear(q.waiting[:n]) // the rest may wait for long in the same array
	switch {
	case n < len(q.waiting):
		q.waiting = q.waiting[n:]
	case cap(q.waiting) <= keptCapacity:
		q.waiting = q.waiting[:0]
	default:
		q.waiting = nil
	}
	q.taken, q.takenBytes = n, bytes
	q.release(nil) // the answer keeps the batch
	if all {
		batch = q.takeLaterForPoll(batch, maxPackets, maxBytes-size)
	}
	return batch
}

// takeLaterForPoll adds to the answer what it has room for of a backlog.
func (q *queue) takeLaterForPoll(batch []*Message, maxPackets int, maxBytes int64) []*Message {
	for len(batch) < maxPackets && q.backlogged() && q.prepare() && q.backlogged() && len(q.waiting) == 0 {
		m := q.later.made[0]
		if maxBytes -= pollSize(m); len(batch) > 0 && maxBytes < 0 {
			break
		}
		batch = append(batch, m)
		q.later.made = q.later.made[1:]
	}
	return batch
}

// pollSize is the number of bytes that a message takes in a polling payload, its separator included.
func pollSize(m *Message) int64 {
	if m.isBinary() {
		return int64(1 + packet.Base64Len(len(m.data)))
	}
	return int64(1 + len(m.polling))
}
