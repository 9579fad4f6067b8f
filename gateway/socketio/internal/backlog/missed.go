// SPDX-License-Identifier: Apache-2.0

package backlog

import (
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Account counts the bytes of the backlogs of a connection's sockets.
type Account interface {
	// AddBacklog adds bytes, and returns the new sum.
	AddBacklog(size int64) int64
}

// Missed is the backlog of a socket, up to a position.
type Missed struct {
	missed   []*event.Delivery
	position uint64
	account  Account
}

// NewMissed returns a backlog that the account does not count yet; see Admit.
func NewMissed(missed []*event.Delivery, position uint64, account Account) *Missed {
	return &Missed{missed, position, account}
}

// Position returns the position of the last event that can be part of the backlog.
func (b *Missed) Position() uint64 { return b.position }

// Admit counts the backlog among those of its connection. It returns false if they would take more
// than most bytes, unless this one is the only one.
func (b *Missed) Admit(most int) bool {
	size := int64(0)
	for _, d := range b.missed {
		size += sizeOf(d)
	}
	waits := b.account.AddBacklog(size)
	if waits > int64(most) && waits > size {
		b.account.AddBacklog(-size)
		return false
	}
	return true
}

// Next removes the first event and returns its messages; none at the end.
func (b *Missed) Next(c parser.Codec) []*engineio.Message {
	if len(b.missed) == 0 {
		return nil
	}
	d := b.missed[0]
	b.missed[0] = nil
	b.missed = b.missed[1:]
	b.account.AddBacklog(-sizeOf(d))
	return d.Messages(c)
}

func sizeOf(d *event.Delivery) int64 {
	n := len(d.Text) + len(d.ExtraArgs)
	for _, a := range d.Attachments {
		n += len(a)
	}
	return int64(n)
}
