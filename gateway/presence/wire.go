// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// wireVersion is the first byte of a packet. Gateways of two releases meet in every rollout: one that finds a version it does
// not know counts and ignores the packet.
const wireVersion = 1

// chunkBytes is about how much goes into one packet; NATS takes 1 MiB by default.
const chunkBytes = 64 << 10

// Kinds of packets. The numbers are on the wire, as are those below.
const (
	// kindAnnouncement says how far a gateway is with a room, and may want something of the others.
	kindAnnouncement byte = iota + 1
	// kindDelta has what has changed since the one before it.
	kindDelta
	// kindSnapshot has all members of a gateway. It goes to who has asked alone.
	kindSnapshot
)

// What an announcement wants.
const (
	wantNothing byte = iota
	// wantAnnouncement asks how far the others are.
	wantAnnouncement
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
	// count is how many members the sender of an announcement has.
	count uint64
	want  byte
	// to is the gateway of which an announcement wants a snapshot; empty: all.
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
	buf = wire.AppendBytes(buf, p.room)
	buf = wire.AppendBytes(buf, p.from)
	for _, n := range []uint64{p.seq, p.prev, p.count} {
		buf = binary.AppendUvarint(buf, n)
	}
	buf = append(buf, p.want)
	buf = wire.AppendBytes(buf, p.to)
	buf = binary.AppendUvarint(buf, p.part)
	last := byte(0)
	if p.last {
		last = 1
	}
	buf = append(buf, last)
	buf = binary.AppendUvarint(buf, uint64(len(p.entries)))
	for _, e := range p.entries {
		buf = append(buf, byte(e.change))
		buf = wire.AppendBytes(buf, e.ID)
		buf = wire.AppendBytes(buf, e.Info)
	}
	return buf
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
	r := wire.Reader{Rest: data[2:]}
	p := &packet{kind: data[1], room: r.Text(), from: r.Text(), seq: r.Uvarint(), prev: r.Uvarint(), count: r.Uvarint()}
	p.want, p.to, p.part, p.last = r.Byte(), r.Text(), r.Uvarint(), r.Byte() == 1
	n := r.Count()
	p.entries = make([]entry, 0, min(n, len(r.Rest)/3))
	for ; n > 0 && r.Err == nil; n-- {
		e := entry{change: change(r.Byte())}
		e.ID, e.Info = r.Text(), slices.Clone(r.Bytes())
		if len(e.Info) == 0 {
			e.Info = nil
		}
		p.entries = append(p.entries, e)
	}
	if r.Err == nil {
		r.Err = r.Fields(func(uint64, []byte) {}) // those of a later release
	}
	switch {
	case r.Err != nil:
		return nil, r.Err
	case p.from == "":
		return nil, errors.New("packet of nobody")
	}
	return p, nil
}
