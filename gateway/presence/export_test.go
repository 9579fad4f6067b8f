// SPDX-License-Identifier: Apache-2.0

package presence

// Enter and Leave stand for a socket's, where a test has no use for the sockets themselves.
func (t *Tracker) Enter(id, room string) { t.enter(id, nil, room) }

// Leave is the opposite of Enter.
func (t *Tracker) Leave(id, room string) { t.leave(id, room) }

// Told is how many batches have gone out.
func (t *Tracker) Told() uint64 { return t.batches.Load() }

// Held is the page of what this gateway holds, of all gateways.
func (t *Tracker) Held(room, after string, limit int) Page { return t.held(room, after, limit, false) }

// Quiet reports whether nothing is due to be told.
func (t *Tracker) Quiet() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.rooms {
		if r.notifying || len(r.forClients) > 0 {
			return false
		}
	}
	return true
}

// Delta is what a gateway would say that some have joined.
func Delta(from, room string, prev, seq uint64, ids ...string) []byte {
	p := packet{kind: kindDelta, from: from, room: room, prev: prev, seq: seq}
	for _, id := range ids {
		p.entries = append(p.entries, entry{joined, Member{ID: id}})
	}
	return p.encode()
}

// Asks is the gateway that a packet asks for a snapshot.
func Asks(data []byte) string {
	p, err := decode(data)
	if err != nil || p.want != wantSnapshot {
		return ""
	}
	return p.to
}

// Snapshot is what a gateway would say of all its members, each with an info, in several packets.
func Snapshot(from, room string, seq uint64, info string, ids ...string) [][]byte {
	entries := make([]entry, 0, len(ids))
	for _, id := range ids {
		entries = append(entries, entry{joined, Member{ID: id, Info: []byte(info)}})
	}
	parts := chunks(entries)
	packets := make([][]byte, 0, len(parts))
	for i, some := range parts {
		p := packet{
			kind: kindSnapshot, from: from, room: room, seq: seq, part: uint64(i), last: i == len(parts)-1, entries: some,
		}
		packets = append(packets, p.encode())
	}
	return packets
}

// Merge is a page of those of several gateways.
func Merge(pages []Page, room string, limit int) Page { return merge(pages, room, limit) }
