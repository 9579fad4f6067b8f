// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// wireVersion is the first byte of a packet. Gateways of two releases meet in every rollout: one
// that finds a version it does not know counts and ignores the packet.
const wireVersion = 1

// chunkBytes is the approximate maximum size of a packet; NATS accepts 1 MiB by default.
const chunkBytes = 64 << 10

// The kinds of packets. The numbers are on the wire, like those below.
const (
	// kindAnnouncement has the state of a gateway for a room, and may request something from the
	// others.
	kindAnnouncement byte = iota + 1
	// kindDelta has the changes since the previous delta.
	kindDelta
	// kindSnapshot has all members of a gateway. It is sent only to the gateway that has requested
	// it.
	kindSnapshot
)

// The requests of an announcement.
const (
	wantNothing byte = iota
	// wantAnnouncement requests announcements of the others.
	wantAnnouncement
	// wantSnapshot requests all members of the others, or of the gateway that it is for.
	wantSnapshot
)

// packet is a message between gateways about a room. On the wire it is wireVersion and the fields
// in their order here: numbers are uvarints, strings and lists have their length in front. Later
// releases add fields behind these, each a number and the value's length, as uvarints, and the
// value; a gateway ignores those that it does not know. It writes none as long as there is a peer
// of d35c2bb, which refuses the whole packet.
type packet struct {
	kind byte
	room string
	from string
	// seq numbers a gateway's deltas of a room; it is never reused, even if the room is. 0: none
	// yet.
	seq uint64
	// prev is the number of the delta before this one; 0: it starts over, without members.
	prev uint64
	// count is the number of members of the sender of an announcement.
	count uint64
	want  byte
	// to is the gateway from which an announcement requests a snapshot; empty: all.
	to string
	// part counts the packets of a snapshot; last marks the last one.
	part    uint64
	last    bool
	entries []entry
}

// entry is a change of a member or, in a snapshot, a member.
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

// entrySize returns the approximate size of an entry on the wire.
func entrySize(e entry) int { return 5 + len(e.ID) + len(e.Info) }

func size(entries []entry) int {
	n := 0
	for _, e := range entries {
		n += entrySize(e)
	}
	return n
}

// chunks cuts a list into parts of about chunkBytes; at least one, even if it is empty.
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

// decode is the inverse of encode. The result shares no memory with data.
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
		r.Err = r.Fields(func(uint64, []byte) {}) // fields of a later release
	}
	switch {
	case r.Err != nil:
		return nil, r.Err
	case p.from == "":
		return nil, errors.New("packet of nobody")
	}
	return p, nil
}
