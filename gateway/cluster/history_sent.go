// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// historySent is the history of rooms on its way to a socket that has joined them. The events are those
// that the gateway keeps for all its members; each is encoded when the client takes it. While another
// backlog is sent to the client, this one keeps no event: its turn comes with what is kept by then.
type historySent struct {
	adapter *adapter
	// offset is that of what came before: a client that is lost in the middle misses nothing else.
	offset []byte
	// rooms are the parts of their histories that are sent.
	rooms []historyPart
	// held are events that came in while the history was read. As they are not sent a second time, they
	// are sent here, even if the history has no room for them any more.
	held []*storedMessage
	// events are what is left to be sent, once the turn has come: begun.
	events []*storedMessage
	begun  bool
}

// historyPart is a part of a room's history, by the numbers of its first and its last event.
type historyPart struct {
	room        *roomHistory
	first, last uint64
}

// read finds out what there is of the rooms, which may take requests to the log, and returns it in order.
func (h *historySent) read(rooms []string) (known []*storedMessage, err error) {
	ctx, cancel := context.WithTimeout(h.adapter.cluster.life, recoverTimeout)
	defer cancel()
	for _, room := range rooms {
		r := h.adapter.history.of(h.adapter, room)
		kept, err := h.adapter.history.read(ctx, h.adapter, room, r)
		if err != nil {
			h.rooms = nil
			return nil, err
		}
		if len(kept) > 0 {
			h.rooms = append(h.rooms, historyPart{r, kept[0].number, kept[len(kept)-1].number})
			known = append(known, kept...)
		}
	}
	return inOrder(known), nil
}

// past is the history for a socket. What was known is kept for as long only as what was held is sorted out.
func (h *historySent) past(known []*storedMessage) socketio.Past {
	has := func(number uint64) bool {
		i, found := slices.BinarySearchFunc(known, number, compareStored)
		if found {
			h.held = append(h.held, known[i])
		}
		return found
	}
	return socketio.Past{Has: has, Next: h.next}
}

// next is the next event for the client, nil at the end.
func (h *historySent) next() *socketio.Delivery {
	if !h.begun {
		h.begin()
	}
	for len(h.events) > 0 {
		m := h.events[0]
		h.events[0] = nil
		h.events = h.events[1:]
		if d := h.delivery(m); d != nil {
			return d
		}
	}
	return nil
}

// begin takes the events out of the histories. It runs under the lock of a session: that of the rooms,
// under which others wait for sessions, may not be taken here.
func (h *historySent) begin() {
	h.begun = true
	defer func() { h.rooms = nil }()
	events := h.held
	for _, part := range h.rooms {
		events = part.room.appendPart(events, part)
	}
	h.events, h.held = inOrder(events), nil
}

// delivery is an event as it is sent to the client; nil for one that cannot be read.
func (h *historySent) delivery(m *storedMessage) *socketio.Delivery {
	decoded, err := h.adapter.cluster.decode(m.data)
	if err != nil {
		h.adapter.cluster.metrics.malformed.Inc()
		return nil
	}
	d := &decoded.delivery
	d.Position = m.number
	if h.adapter.revised(d.Rooms) {
		d.ExtraArgs = append(appendRevision(nil, m.number), ',')
	}
	d.ExtraArgs = append(d.ExtraArgs, h.offset...)
	return d
}

// appendPart adds what is left of a part.
func (r *roomHistory) appendPart(to []*storedMessage, part historyPart) []*storedMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	first, _ := slices.BinarySearchFunc(r.messages, part.first, compareStored)
	end, _ := slices.BinarySearchFunc(r.messages, part.last+1, compareStored)
	return append(to, r.messages[first:end]...)
}

// inOrder sorts events by number. One that went to several rooms is there once.
func inOrder(events []*storedMessage) []*storedMessage {
	slices.SortFunc(events, func(a, b *storedMessage) int { return compareStored(a, b.number) })
	return slices.CompactFunc(events, func(a, b *storedMessage) bool { return a.number == b.number })
}
