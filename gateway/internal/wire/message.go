// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Version is the first byte of a message between gateways. Gateways of two releases meet in every
// rollout: one that finds a version it does not know counts and ignores the message.
const Version = 1

// Message is a delivery on its way to other gateways. On the wire it is the version byte, then
// DedupID as a uvarint, then the publisher, rooms, except, text and attachments; strings have their
// length, lists their number in front, as uvarints; rooms of users are respelled. If there are
// flags or fields, a byte of flags follows, and behind it the fields: see Reader.Fields.
//
// A later release adds a field for what a reader may ignore, and a flag for what it must
// understand: a gateway that does not know a flag counts and ignores the whole message. It writes
// neither as long as a peer is there that refuses them: d35c2bb and before refuse both.
type Message struct {
	// Publisher is the gateway that sent it.
	Publisher string
	// DedupID numbers a message that is published on several subjects, so that a gateway that
	// receives it on two of them delivers it once. It increases with each such message of a
	// publisher; 0 is for a message that is published once.
	DedupID  uint64
	Delivery socketio.Delivery
}

// The flags of a message. A gateway ignores a message with an unknown flag.
const (
	flagVolatile     = 1
	flagUncompressed = 2

	knownFlags = flagVolatile | flagUncompressed
)

func flagsOf(d *socketio.Delivery) (flags byte) {
	if d.Volatile {
		flags |= flagVolatile
	}
	if d.Uncompressed {
		flags |= flagUncompressed
	}
	return flags
}

// SizeLimit returns an upper bound of the length of Encode's result.
func (m *Message) SizeLimit() int {
	d := &m.Delivery
	size := 64 + len(m.Publisher) + len(d.Text)
	for _, list := range [][]string{d.Rooms, d.Except} {
		for _, s := range list {
			size += len(s) + binary.MaxVarintLen32
		}
	}
	for _, a := range d.Attachments {
		size += len(a) + binary.MaxVarintLen32
	}
	return size
}

// Encode encodes the message.
func (m *Message) Encode() []byte {
	d := &m.Delivery
	buf := make([]byte, 0, m.SizeLimit())
	buf = append(buf, Version)
	buf = binary.AppendUvarint(buf, m.DedupID)
	buf = AppendBytes(buf, m.Publisher)
	buf = AppendRooms(buf, d.Rooms)
	buf = AppendRooms(buf, d.Except)
	buf = AppendBytes(buf, d.Text)
	buf = binary.AppendUvarint(buf, uint64(len(d.Attachments)))
	for _, a := range d.Attachments {
		buf = AppendBytes(buf, a)
	}
	if flags := flagsOf(d); flags != 0 {
		buf = append(buf, flags)
	}
	return buf
}

// DecodeMessage is the inverse of Encode. The result shares data's memory.
func DecodeMessage(data []byte) (*Message, error) {
	if len(data) == 0 || data[0] != Version {
		return nil, fmt.Errorf("unknown version of message %.1x", data)
	}
	r := Reader{Rest: data[1:]}
	var m Message
	m.DedupID = r.Uvarint()
	m.Publisher = string(r.Bytes())
	m.Delivery.Rooms = r.Rooms()
	m.Delivery.Except = r.Rooms()
	m.Delivery.Text = r.Bytes()
	for n := r.Count(); n > 0 && r.Err == nil; n-- {
		m.Delivery.Attachments = append(m.Delivery.Attachments, r.Bytes())
	}
	if r.Err == nil && len(r.Rest) > 0 {
		if err := m.decodeFlags(&r); err != nil {
			return nil, err
		}
	}
	return &m, r.Err
}

// decodeFlags decodes the flags, and the fields behind them, of which it knows none.
func (m *Message) decodeFlags(r *Reader) error {
	flags := r.Rest[0]
	if unknown := flags &^ knownFlags; unknown != 0 {
		return fmt.Errorf("unknown flags %#x of a message", unknown)
	}
	r.Rest = r.Rest[1:]
	m.Delivery.Volatile = flags&flagVolatile != 0
	m.Delivery.Uncompressed = flags&flagUncompressed != 0
	return r.Fields(func(uint64, []byte) {})
}
