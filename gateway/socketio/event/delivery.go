// SPDX-License-Identifier: Apache-2.0

package event

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// Delivery is an event on its way to many: encoded once, with who is meant.
type Delivery struct {
	Target
	// Text and Attachments are the packet as it goes to each client. A parser that has no text leaves it empty.
	Text        []byte
	Attachments [][]byte
	// Volatile drops the event for clients that cannot take it at once.
	Volatile bool
	// ExtraArgs, if there are any, are appended to the arguments that clients get: JSON values with commas between them.
	// Where clients can be recovered, the last is a string, the offset by which they say what they have got.
	ExtraArgs []byte
	// Position is the event's place in the order in which a SessionKeeper has stored them; 0 if it has not.
	Position uint64
	// Uncompressed keeps the transport from compressing the packet.
	Uncompressed bool
	// Trace is the distributed trace that the event is part of; nil for none. An adapter carries it to the other servers.
	Trace *trace.Parent
	// Receipt learns whether an adapter that stores events has stored this one. It may be nil, and stays on this server.
	Receipt *Receipt

	// message is Text as the engine takes it, unless that has been replaced.
	message *engineio.Message
	// shared is what Share has begun; nil otherwise.
	shared *sharedMessages
}

// Flags are how an event goes out; see the fields of Delivery.
type Flags struct {
	Volatile, Uncompressed bool
	Receipt                *Receipt
	Trace                  *trace.Parent
}

// NewDelivery returns the delivery of an encoded packet to who is meant.
func NewDelivery(e parser.Encoded, t Target, f Flags) *Delivery {
	return &Delivery{
		Text: e.Text, Attachments: e.Attachments, message: e.Message, Target: t,
		Volatile: f.Volatile, Uncompressed: f.Uncompressed, Receipt: f.Receipt, Trace: f.Trace,
	}
}

// Encoded is the packet, without the extra arguments. It is for package socketio, as Messages is.
func (d *Delivery) Encoded() parser.Encoded {
	e := parser.Encoded{Text: d.Text, Attachments: d.Attachments, Uncompressed: d.Uncompressed}
	if d.message != nil && d.message.Carries(d.Text) {
		e.Message = d.message
	}
	return e
}

// sharedMessages are those of a delivery, made for the first who is sent it.
type sharedMessages struct {
	once     sync.Once
	messages []*engineio.Message
}

// Share has the messages of a delivery made once for all who are sent it, however often that happens. The delivery does not change
// any more.
func (d *Delivery) Share() { d.shared = &sharedMessages{} }

// Messages are the packet as it goes to each client, with its extra arguments if it has any.
func (d *Delivery) Messages(c parser.Codec) []*engineio.Message {
	if d.shared == nil {
		return d.encodeMessages(c)
	}
	d.shared.once.Do(func() { d.shared.messages = d.encodeMessages(c) })
	return d.shared.messages
}

func (d *Delivery) encodeMessages(c parser.Codec) []*engineio.Message {
	e := d.Encoded()
	if len(d.ExtraArgs) > 0 {
		e = c.WithExtraArgs(e, d.ExtraArgs)
	}
	return e.Messages()
}
