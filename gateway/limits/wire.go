// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// wireVersion is the first byte of a packet. A gateway ignores packets of a version that it does
// not know.
const wireVersion = 1

// chunkBytes is about how large a packet may be; NATS accepts 1 MiB by default.
const chunkBytes = 64 << 10

// maxReported bounds what is believed of a single report, far above what a gateway can use in an
// interval: numbers are multiplied by nanoseconds.
const maxReported = 1 << 30

// The numbers of the fields of packets and entries. Gateways of two releases meet in every rollout:
// a gateway ignores fields that it does not know, and a number is never reused.
const (
	fieldFrom  = 1
	fieldWant  = 2 // present, without a value, if true
	fieldEntry = 3 // for each entry

	fieldKey         = 1
	fieldConnections = 2 // eight bytes each, the lowest first; present if they are told
	fieldEvents      = 3 // a uvarint
	fieldBytes       = 4 // a uvarint
)

// packet is a message to all other gateways. On the wire it is wireVersion, and fields: for each a
// number and the value's length, as uvarints, and the value.
type packet struct {
	// from is the id of the gateway.
	from string
	// want asks the others for all connections that they have reported.
	want    bool
	entries []entry
}

// entry is what a user has used since the last packet, or the user's connections.
type entry struct {
	key           Key
	ids           []uint64
	hasIDs        bool
	events, bytes int64
}

// encode returns one or several packets, of which each has some of the entries.
func (p *packet) encode() [][]byte {
	var packets [][]byte
	head := wire.AppendBytes(binary.AppendUvarint([]byte{wireVersion}, fieldFrom), p.from)
	if p.want {
		head = wire.AppendBytes(binary.AppendUvarint(head, fieldWant), "")
	}
	buf := append([]byte(nil), head...)
	for i := range p.entries {
		if len(buf) > chunkBytes {
			packets = append(packets, buf)
			buf = append([]byte(nil), head...)
		}
		buf = wire.AppendBytes(binary.AppendUvarint(buf, fieldEntry), p.entries[i].encode())
	}
	return append(packets, buf)
}

func (e *entry) encode() []byte {
	buf := wire.AppendBytes(binary.AppendUvarint(nil, fieldKey), e.key[:])
	if e.hasIDs {
		ids := make([]byte, 0, 8*len(e.ids))
		for _, id := range e.ids {
			ids = binary.LittleEndian.AppendUint64(ids, id)
		}
		buf = wire.AppendBytes(binary.AppendUvarint(buf, fieldConnections), ids)
	}
	buf = appendNumber(buf, fieldEvents, e.events)
	return appendNumber(buf, fieldBytes, e.bytes)
}

func appendNumber(buf []byte, number uint64, n int64) []byte {
	if n <= 0 {
		return buf
	}
	return wire.AppendBytes(binary.AppendUvarint(buf, number), binary.AppendUvarint(nil, uint64(n)))
}

// decode is the inverse of encode, for one packet.
func decode(data []byte) (*packet, error) {
	if len(data) == 0 || data[0] != wireVersion {
		return nil, fmt.Errorf("unknown version of what users have used: %.1x", data)
	}
	p := &packet{}
	var malformed error
	r := wire.Reader{Rest: data[1:]}
	err := r.Fields(func(number uint64, value []byte) {
		switch number {
		case fieldFrom:
			p.from = string(value)
		case fieldWant:
			p.want = true
		case fieldEntry:
			e, err := decodeEntry(value)
			malformed = errors.Join(malformed, err)
			p.entries = append(p.entries, e)
		}
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read what users have used: %w", err)
	case malformed != nil:
		return nil, malformed
	case p.from == "":
		return nil, errors.New("nobody says what users have used")
	}
	return p, nil
}

func decodeEntry(data []byte) (e entry, err error) {
	var key []byte
	ids := 0
	r := wire.Reader{Rest: data}
	err = r.Fields(func(number uint64, value []byte) {
		switch number {
		case fieldKey:
			key = value
		case fieldConnections:
			e.hasIDs, ids = true, len(value)
			for ; len(value) >= 8; value = value[8:] {
				e.ids = append(e.ids, binary.LittleEndian.Uint64(value))
			}
		case fieldEvents:
			e.events = reported(value)
		case fieldBytes:
			e.bytes = reported(value)
		}
	})
	switch {
	case err != nil:
		return e, fmt.Errorf("read what a user has used: %w", err)
	case len(key) != len(e.key) || ids%8 != 0:
		return e, fmt.Errorf("a user's key of %d bytes, and connections of %d", len(key), ids)
	}
	e.key = Key(key)
	return e, nil
}

// reported reads a number, which counts for maxReported at most.
func reported(value []byte) int64 {
	r := wire.Reader{Rest: value}
	return int64(min(r.Uvarint(), maxReported))
}
