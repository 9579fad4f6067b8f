// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"strconv"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
)

// Type is the first character of a packet (Socket.IO protocol v5, "Packet encoding").
type Type byte

// The types of a Packet.
const (
	Connect      Type = '0'
	Disconnect   Type = '1'
	Event        Type = '2'
	Ack          Type = '3'
	ConnectError Type = '4'
	// binaryEvent and binaryAck exist on the wire only: there, a packet with attachments has its
	// own type.
	binaryEvent Type = '5'
	binaryAck   Type = '6'
)

// Packet is one Socket.IO packet. Its Payload is raw JSON: an object for CONNECT and CONNECT_ERROR,
// the argument list for ACK, and for EVENT the argument list without the event name, which is in
// Event.
type Packet struct {
	Type        Type
	Namespace   string
	ID          uint64
	HasID       bool
	Event       string
	Payload     []byte
	Attachments [][]byte
}

// Encoded is a packet on the wire: its text, then its attachments.
type Encoded struct {
	Text         []byte
	Attachments  [][]byte
	Uncompressed bool
	// Message is Text in the form that the engine takes; nil if it has not been composed yet.
	Message *engineio.Message
}

// Messages returns the Engine.IO messages of the packet, encoded once for all recipients.
func (e Encoded) Messages() []*engineio.Message {
	out := make([]*engineio.Message, 0, 1+len(e.Attachments))
	if e.Message != nil {
		out = append(out, e.Message)
	} else if len(e.Text) > 0 {
		out = append(out, engineio.NewText(e.Text))
	}
	for _, a := range e.Attachments {
		out = append(out, engineio.NewBinary(a))
	}
	if e.Uncompressed {
		for i, m := range out {
			out[i] = m.Compress(false)
		}
	}
	return out
}

// encodeJSON writes the packet: <type>[<attachments>-][<namespace>,][<id>][payload].
func (p *Packet) encodeJSON() Encoded {
	buf := make([]byte, engineio.Headroom, engineio.Headroom+24+len(p.Namespace)+len(p.Event)+len(p.Payload))
	buf = append(buf, byte(p.wireType()))
	if len(p.Attachments) > 0 {
		buf = strconv.AppendInt(buf, int64(len(p.Attachments)), 10)
		buf = append(buf, '-')
	}
	if p.Namespace != "/" {
		buf = append(buf, p.Namespace...)
		buf = append(buf, ',')
	}
	if p.HasID {
		buf = strconv.AppendUint(buf, p.ID, 10)
	}
	if p.Type == Event {
		buf = appendEvent(buf, p.Event, p.Payload)
	} else {
		buf = append(buf, p.Payload...)
	}
	return Encoded{Text: buf[engineio.Headroom:], Attachments: p.Attachments, Message: engineio.ComposeText(buf)}
}

func (p *Packet) wireType() Type {
	if len(p.Attachments) == 0 {
		return p.Type
	}
	switch p.Type {
	case Event:
		return binaryEvent
	case Ack:
		return binaryAck
	default:
		return p.Type
	}
}

// appendEvent writes ["event",args…], where args is a JSON array.
func appendEvent(buf []byte, event string, args []byte) []byte {
	buf = append(buf, '[')
	buf = plainjson.AppendString(buf, event)
	rest := args[jsonscan.First(args, 0):]
	if rest[0] != ']' {
		buf = append(buf, ',')
	}
	return append(buf, rest...)
}
