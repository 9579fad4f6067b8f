// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// wireVersion is the first byte of a packet. Gateways of two releases meet in every rollout: one that finds a version it does
// not know counts and ignores the packet.
const wireVersion = 1

// chunkBytes is about how much goes into one packet; NATS takes 1 MiB by default.
const chunkBytes = 64 << 10

var errShortPacket = errors.New("packet ends early")

// Kinds of packets. The numbers are on the wire, as are those below.
const (
	// kindWord says how far a gateway is with a room, and may want something of the others.
	kindWord byte = iota + 1
	// kindDelta has what has changed since the one before it.
	kindDelta
	// kindSnapshot has all members of a gateway. It goes to who has asked alone.
	kindSnapshot
)

// What a word wants.
const (
	_ byte = iota // nothing
	// wantWord asks how far the others are.
	wantWord
	// wantSnapshot asks for all members of the others, or of the one that it is for.
	wantSnapshot
)

// packet is what gateways tell each other of a room. On the wire it is wireVersion and the fields in their order here: numbers
// are uvarints, strings and lists have their length in front. Later releases add fields behind these,
// each a number and the value's length, as uvarints, and the value; a gateway ignores those that it
// does not know. It writes none as long as a peer of d35c2bb is there, which refuses the whole packet.
type packet struct {
	kind byte
	room string
	from string
	// seq numbers what a gateway has said of a room; it never comes back, even if the room does. 0: nothing yet.
	seq uint64
	// prev is the number that a delta follows on; 0: it begins anew, with nobody.
	prev uint64
	// count is how many members the sender of a word has.
	count uint64
	want  byte
	// to is the gateway of which a word wants a snapshot; empty: all.
	to string
	// part counts the packets of a snapshot; last is the last.
	part    uint64
	last    bool
	entries []entry
}

// entry is a change of one member, or in a snapshot a member.
type entry struct {
	change change
	Member
}

func (p *packet) encode() []byte {
	buf := make([]byte, 0, 64+len(p.room)+size(p.entries))
	buf = append(buf, wireVersion, p.kind)
	buf = appendBytes(buf, p.room)
	buf = appendBytes(buf, p.from)
	for _, n := range []uint64{p.seq, p.prev, p.count} {
		buf = binary.AppendUvarint(buf, n)
	}
	buf = append(buf, p.want)
	buf = appendBytes(buf, p.to)
	buf = binary.AppendUvarint(buf, p.part)
	last := byte(0)
	if p.last {
		last = 1
	}
	buf = append(buf, last)
	buf = binary.AppendUvarint(buf, uint64(len(p.entries)))
	for _, e := range p.entries {
		buf = append(buf, byte(e.change))
		buf = appendBytes(buf, e.ID)
		buf = appendBytes(buf, e.Info)
	}
	return buf
}

func appendBytes[T ~string | ~[]byte](buf []byte, s T) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(s)))
	return append(buf, s...)
}

// entrySize is about what an entry takes on the wire.
func entrySize(e entry) int { return 5 + len(e.ID) + len(e.Info) }

func size(entries []entry) int {
	n := 0
	for _, e := range entries {
		n += entrySize(e)
	}
	return n
}

// chunks cuts a list into parts of about chunkBytes; at least one, even if that is empty.
func chunks(entries []entry) [][]entry {
	var parts [][]entry
	start, bytes := 0, 0
	for i, e := range entries {
		if n := entrySize(e); bytes+n > chunkBytes && i > start {
			parts = append(parts, entries[start:i])
			start, bytes = i, 0
		}
		bytes += entrySize(e)
	}
	return append(parts, entries[start:])
}

// decode reads what encode has written. The result shares no memory with data.
func decode(data []byte) (*packet, error) {
	if len(data) < 2 || data[0] != wireVersion {
		return nil, fmt.Errorf("unknown version of packet %.1x", data)
	}
	r := reader{rest: data[2:]}
	p := &packet{kind: data[1], room: r.text(), from: r.text(), seq: r.uvarint(), prev: r.uvarint(), count: r.uvarint()}
	p.want, p.to, p.part, p.last = r.byte(), r.text(), r.uvarint(), r.byte() == 1
	n := r.count()
	p.entries = make([]entry, 0, min(n, len(r.rest)/3))
	for ; n > 0 && r.err == nil; n-- {
		e := entry{change: change(r.byte())}
		e.ID, e.Info = r.text(), slices.Clone(r.bytes())
		if len(e.Info) == 0 {
			e.Info = nil
		}
		p.entries = append(p.entries, e)
	}
	for len(r.rest) > 0 && r.err == nil {
		_, _ = r.uvarint(), r.bytes() // a field of a later release
	}
	switch {
	case r.err != nil:
		return nil, r.err
	case p.from == "":
		return nil, errors.New("packet of nobody")
	}
	return p, nil
}

// reader takes values off a packet; after an error it yields nothing more.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.err, r.rest = errShortPacket, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count is a number of things that take a byte at least, so no packet can announce more than it holds.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.err, r.rest = errShortPacket, nil
		return 0
	}
	return int(n)
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.err = errShortPacket
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) bytes() []byte {
	n := r.count()
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes()) }
