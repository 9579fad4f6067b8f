// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// messageVersion is the first byte of a message between gateways. Gateways of two releases meet in every rollout: one
// that finds a version it does not know counts and ignores the message.
const messageVersion = 1

var errShortMessage = errors.New("message ends early")

// message is a delivery on its way to other gateways. On the wire it is the version byte, then copyOf as a uvarint, then
// the publisher, rooms, except, text and attachments; strings have their length, lists their number in front, as uvarints.
// If there are flags or fields, a byte of flags follows, and behind it the fields: see reader.fields.
//
// A later release adds a field for what a reader may ignore, and a flag for what it must understand:
// a gateway that does not know a flag counts and ignores the whole message. It writes neither as long
// as a peer is there that refuses them: d35c2bb and before refuse both.
type message struct {
	// publisher is the gateway that sent it.
	publisher string
	// copyOf numbers a message that goes out on several subjects, so that a gateway which gets it on two of them delivers
	// it once. It grows with each such message of a publisher; 0 is for a message that goes out once.
	copyOf   uint64
	delivery socketio.Delivery
}

// Flags of a message. A gateway ignores a message that has one which it does not know.
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

// sizeLimit is what encode takes at most.
func (m *message) sizeLimit() int {
	d := &m.delivery
	size := 64 + len(m.publisher) + len(d.Text)
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

func (m *message) encode() []byte {
	d := &m.delivery
	buf := make([]byte, 0, m.sizeLimit())
	buf = append(buf, messageVersion)
	buf = binary.AppendUvarint(buf, m.copyOf)
	buf = appendBytes(buf, m.publisher)
	buf = appendRooms(buf, d.Rooms)
	buf = appendRooms(buf, d.Except)
	buf = appendBytes(buf, d.Text)
	buf = binary.AppendUvarint(buf, uint64(len(d.Attachments)))
	for _, a := range d.Attachments {
		buf = appendBytes(buf, a)
	}
	if flags := flagsOf(d); flags != 0 {
		buf = append(buf, flags)
	}
	return buf
}

func appendBytes[T string | []byte](buf []byte, s T) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(s)))
	return append(buf, s...)
}

func appendRooms(buf []byte, rooms []string) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(rooms)))
	for _, r := range rooms {
		buf = appendBytes(buf, r)
	}
	return buf
}

// decodeMessage reads what encode has written. The result shares data's memory.
func decodeMessage(data []byte) (*message, error) {
	if len(data) == 0 || data[0] != messageVersion {
		return nil, fmt.Errorf("unknown version of message %.1x", data)
	}
	r := reader{rest: data[1:]}
	var m message
	m.copyOf = r.uvarint()
	m.publisher = string(r.bytes())
	m.delivery.Rooms = r.strings()
	m.delivery.Except = r.strings()
	m.delivery.Text = r.bytes()
	for n := r.count(); n > 0 && r.err == nil; n-- {
		m.delivery.Attachments = append(m.delivery.Attachments, r.bytes())
	}
	if r.err == nil && len(r.rest) > 0 {
		if err := m.decodeFlags(&r); err != nil {
			return nil, err
		}
	}
	return &m, r.err
}

// decodeFlags reads the flags, and the fields behind them, of which it knows none.
func (m *message) decodeFlags(r *reader) error {
	flags := r.rest[0]
	if unknown := flags &^ knownFlags; unknown != 0 {
		return fmt.Errorf("unknown flags %#x of a message", unknown)
	}
	r.rest = r.rest[1:]
	m.delivery.Volatile = flags&flagVolatile != 0
	m.delivery.Uncompressed = flags&flagUncompressed != 0
	return r.fields(func(uint64, []byte) {})
}

// reader takes values off a message; after an error it yields nothing more.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.err = errShortMessage
		r.rest = nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count is a number of things that take a byte at least, so no message can announce more than it holds.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.err = errShortMessage
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte {
	n := r.count()
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// strings is nil for an empty list: nobody publishes what is meant for nobody, so no rooms means the namespace.
func (r *reader) strings() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]string, 0, n)
	for ; n > 0 && r.err == nil; n-- {
		out = append(out, string(r.bytes()))
	}
	return out
}
