// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// maxBacklogBytes is how much may wait of what the sockets of one connection have missed, in bytes. Each
// of them may have missed that much, and a connection may be in many namespaces.
const maxBacklogBytes = 16 << 20

// backlog is what a socket has missed, up to a position.
type backlog struct {
	missed   []*Delivery
	position uint64
	conn     *connection
}

// admit counts the backlog among those of its connection. It is false if they would be too much.
func (b *backlog) admit() bool {
	size := int64(0)
	for _, d := range b.missed {
		size += sizeOf(d)
	}
	waits := b.conn.backlog.Add(size)
	if waits > maxBacklogBytes && waits > size {
		b.conn.backlog.Add(-size)
		return false
	}
	return true
}

// next makes the messages of the first event that is left, and takes it off; none at the end.
func (b *backlog) next(c parser.Codec) []*engineio.Message {
	if len(b.missed) == 0 {
		return nil
	}
	d := b.missed[0]
	b.missed[0] = nil
	b.missed = b.missed[1:]
	b.conn.backlog.Add(-sizeOf(d))
	return d.messages(c)
}

func sizeOf(d *Delivery) int64 {
	n := len(d.Text) + len(d.Trailer)
	for _, a := range d.Attachments {
		n += len(a)
	}
	return int64(n)
}
