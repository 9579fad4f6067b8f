// SPDX-License-Identifier: Apache-2.0

package backlog

import (
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Account counts the bytes that wait of what the sockets of a connection have missed.
type Account interface {
	// AddBacklog adds bytes, and returns how many they are then.
	AddBacklog(size int64) int64
}

// Missed is what a socket has missed, up to a position.
type Missed struct {
	missed   []*event.Delivery
	position uint64
	account  Account
}

// NewMissed returns what was missed, of which the account does not know yet; see Admit.
func NewMissed(missed []*event.Delivery, position uint64, account Account) *Missed {
	return &Missed{missed, position, account}
}

// Position is that of the last event that can be part of it.
func (b *Missed) Position() uint64 { return b.position }

// Admit counts the backlog among those of its connection. It is false if they would be more than most bytes, unless this
// one is alone.
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

// Next makes the messages of the first event that is left, and takes it off; none at the end.
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
