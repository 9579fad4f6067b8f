// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"bytes"
	"strconv"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
)

// packetType is the first character of a packet (Socket.IO protocol v5, "Packet encoding").
type packetType byte

const (
	packetConnect      packetType = '0'
	packetDisconnect   packetType = '1'
	packetEvent        packetType = '2'
	packetAck          packetType = '3'
	packetConnectError packetType = '4'
	packetBinaryEvent  packetType = '5'
	packetBinaryAck    packetType = '6'
)

// packet is one Socket.IO packet. payload is raw JSON: an object for CONNECT and CONNECT_ERROR, the argument list
// for ACK, and for EVENT the argument list without the event name, which is in event.
type packet struct {
	typ         packetType
	namespace   string
	id          uint64
	hasID       bool
	event       string
	payload     []byte
	attachments [][]byte
}

// encodedPacket is a packet as it goes over the wire: its text, then its attachments.
type encodedPacket struct {
	text         []byte
	attachments  [][]byte
	uncompressed bool
	// message is the text as the engine takes it, if it was made with it.
	message *engineio.Message
}

// messages are the Engine.IO messages of the packet, encoded once for all who receive them.
func (e encodedPacket) messages() []*engineio.Message {
	out := make([]*engineio.Message, 0, 1+len(e.attachments))
	if e.message != nil {
		out = append(out, e.message)
	} else if len(e.text) > 0 {
		out = append(out, engineio.NewText(e.text))
	}
	for _, a := range e.attachments {
		out = append(out, engineio.NewBinary(a))
	}
	if e.uncompressed {
		for i, m := range out {
			out[i] = m.Compress(false)
		}
	}
	return out
}

// send sends the packet to one client.
func (e encodedPacket) send(session *engineio.Session) {
	// A session that has closed, or that closes because this is too much for it, tells OnClose.
	if e.message != nil && len(e.attachments) == 0 && !e.uncompressed {
		_ = session.Send(e.message)
		return
	}
	_ = session.Send(e.messages()...)
}

// encode writes the packet: <type>[<attachments>-][<namespace>,][<id>][payload].
func (p *packet) encode() encodedPacket {
	buf := make([]byte, engineio.Headroom, engineio.Headroom+24+len(p.namespace)+len(p.event)+len(p.payload))
	buf = append(buf, byte(p.wireType()))
	if len(p.attachments) > 0 {
		buf = strconv.AppendInt(buf, int64(len(p.attachments)), 10)
		buf = append(buf, '-')
	}
	if p.namespace != "/" {
		buf = append(buf, p.namespace...)
		buf = append(buf, ',')
	}
	if p.hasID {
		buf = strconv.AppendUint(buf, p.id, 10)
	}
	if p.typ == packetEvent {
		buf = appendEvent(buf, p.event, p.payload)
	} else {
		buf = append(buf, p.payload...)
	}
	return encodedPacket{text: buf[engineio.Headroom:], attachments: p.attachments, message: engineio.ComposeText(buf)}
}

func (p *packet) wireType() packetType {
	if len(p.attachments) == 0 {
		return p.typ
	}
	switch p.typ {
	case packetEvent:
		return packetBinaryEvent
	case packetAck:
		return packetBinaryAck
	default:
		return p.typ
	}
}

// appendEvent writes ["event",args…], where args is a JSON array.
func appendEvent(buf []byte, event string, args []byte) []byte {
	buf = append(buf, '[')
	buf = plainjson.AppendString(buf, event)
	rest := bytes.TrimLeft(args[1:], " \t\r\n")
	if rest[0] != ']' {
		buf = append(buf, ',')
	}
	return append(buf, rest...)
}
