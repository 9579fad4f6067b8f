// SPDX-License-Identifier: Apache-2.0

package event

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// Delivery is a broadcast event: encoded once, with its target.
type Delivery struct {
	Target
	// Text and Attachments are the packet as each client receives it. A parser without text leaves
	// Text empty.
	Text        []byte
	Attachments [][]byte
	// Volatile drops the event for clients that cannot take it at once.
	Volatile bool
	// ExtraArgs, if any, are appended to the arguments that clients receive: JSON values separated
	// by commas. If clients can be recovered, the last is a string, the offset of the event.
	ExtraArgs []byte
	// Position is the event's sequence in the order of a SessionKeeper's store; 0 if it is not
	// stored.
	Position uint64
	// Uncompressed keeps the transport from compressing the packet.
	Uncompressed bool
	// Trace is the distributed trace of the event; nil for none. An adapter carries it to the other
	// servers.
	Trace *trace.Parent
	// Receipt is told whether an adapter that stores events has stored this one. It may be nil, and
	// stays on this server.
	Receipt *Receipt

	// message is Text in the form that the engine takes, unless Text has been replaced.
	message *engineio.Message
	// shared is set by Share; nil otherwise.
	shared *sharedMessages
}

// Flags are how an event is sent; see the fields of Delivery.
type Flags struct {
	Volatile, Uncompressed bool
	Receipt                *Receipt
	Trace                  *trace.Parent
}

// NewDelivery returns the delivery of an encoded packet to a target.
func NewDelivery(e parser.Encoded, t Target, f Flags) *Delivery {
	return &Delivery{
		Text: e.Text, Attachments: e.Attachments, message: e.Message, Target: t,
		Volatile: f.Volatile, Uncompressed: f.Uncompressed, Receipt: f.Receipt, Trace: f.Trace,
	}
}

// Encoded returns the packet without the extra arguments. It is for package socketio, like
// Messages.
func (d *Delivery) Encoded() parser.Encoded {
	e := parser.Encoded{Text: d.Text, Attachments: d.Attachments, Uncompressed: d.Uncompressed}
	if d.message != nil && d.message.Carries(d.Text) {
		e.Message = d.message
	}
	return e
}

// sharedMessages are the messages of a delivery, made for the first receiver.
type sharedMessages struct {
	once     sync.Once
	messages []*engineio.Message
}

// Share encodes the messages of a delivery once for all its receivers, however often it is
// delivered. The delivery must not change any more.
func (d *Delivery) Share() { d.shared = &sharedMessages{} }

// Messages returns the packet as each client receives it, with its extra arguments if it has any.
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
