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
	socket  *socketio.Socket
	// since is the number of the last event that came before, and offset what a client is told of it: one that is lost in the
	// middle misses nothing else.
	since  uint64
	offset []byte
	// release sends the history and what was held; joined is called then, when the rooms need not keep that any more.
	release func(socketio.Past)
	joined  func()
	// rooms are the parts of their histories that are sent.
	rooms []historyPart
	// held are events that came in while the history was read. As they are not sent a second time, they
	// are sent here, even if the history has no room for them any more.
	held []*storedMessage
	// events are what is left to be sent, once the turn has come: begun.
	events []*storedMessage
	begun  bool
	// again has the parts of rooms that were evicted meanwhile, when they are read again; nil if none was.
	again chan []*storedMessage
}

// historyPart is a part of a room's history, by the numbers of its first and its last event.
type historyPart struct {
	room        *roomHistory
	first, last uint64
}

// read finds out what there is of the rooms, which may take requests to the log, and returns it in order: their histories, and what
// has come in since, even if they have no room for it any more. What the log has, and has not been delivered here yet, is left out:
// the socket is in the rooms, and will get it.
func (h *historySent) read(rooms []string) (known []*storedMessage, err error) {
	ctx, cancel := context.WithTimeout(h.adapter.cluster.life, recoverTimeout)
	defer cancel()
	for _, room := range rooms {
		messages, r, err := h.adapter.history.read(ctx, h.adapter, room, h.since)
		if err != nil {
			h.rooms = nil
			return nil, err
		}
		messages = messages[:behind(messages, h.adapter.cluster.events.delivered())]
		known = append(known, messages...)
		if kept := messages[h.adapter.policyOf(room).begin(messages):]; len(kept) > 0 {
			h.rooms = append(h.rooms, historyPart{r, kept[0].number, kept[len(kept)-1].number})
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

// next is the next event for the client, nil at the end, and socketio.NotYet while a room that was evicted is read again.
func (h *historySent) next() *socketio.Delivery {
	if !h.begun {
		h.begin()
	}
	if h.again != nil {
		select {
		case events := <-h.again:
			h.events, h.again = inOrder(append(h.events, events...)), nil
		default:
			return socketio.NotYet
		}
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
	events := h.held
	var gone []historyPart
	for _, part := range h.rooms {
		var kept bool
		if events, kept = part.room.appendPart(events, part); !kept {
			gone = append(gone, part)
		}
	}
	h.events, h.held, h.rooms = inOrder(events), nil, nil
	if len(gone) > 0 {
		h.again = make(chan []*storedMessage, 1)
		h.adapter.cluster.done.Go(func() { h.readAgain(gone) })
	}
}

// readAgain reads parts of rooms that were evicted, and goes on with them. Of a room that cannot be read now, nothing is sent.
func (h *historySent) readAgain(gone []historyPart) {
	ctx, cancel := context.WithTimeout(context.Background(), recoverTimeout)
	defer cancel()
	var events []*storedMessage
	for _, part := range gone {
		room := part.room.room
		if !h.adapter.rooms.Has(room) {
			continue // as for a room that is forgotten
		}
		kept, _, err := h.adapter.history.read(ctx, h.adapter, room, maxNumber)
		if err != nil {
			h.adapter.cluster.log.Warn("a socket is sent no history of a room", "socket", h.socket.LogID(), "error", err)
			continue
		}
		events = append(events, part.of(kept)...)
	}
	h.again <- events
	h.socket.ResumePast()
}

// delivery is an event as it is sent to the client; nil for one that cannot be read.
func (h *historySent) delivery(m *storedMessage) *socketio.Delivery {
	decoded, err := h.adapter.cluster.decode(m.data)
	if err != nil {
		h.adapter.cluster.metrics.malformed.Inc()
		return nil
	}
	d := &decoded.Delivery
	d.Position = m.number
	if h.adapter.revised(d.Rooms) {
		d.ExtraArgs = append(appendRevision(nil, m.number), ',')
	}
	d.ExtraArgs = append(d.ExtraArgs, h.offset...)
	return d
}

// appendPart adds what is left of a part. It is false for a room that was evicted.
func (r *roomHistory) appendPart(to []*storedMessage, part historyPart) ([]*storedMessage, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(to, part.of(r.messages)...), !r.isEvicted
}

// of is what messages have of the part.
func (p historyPart) of(messages []*storedMessage) []*storedMessage {
	first, _ := slices.BinarySearchFunc(messages, p.first, compareStored)
	end, _ := slices.BinarySearchFunc(messages, p.last+1, compareStored)
	return messages[first:end]
}

// inOrder sorts events by number. One that went to several rooms is there once.
func inOrder(events []*storedMessage) []*storedMessage {
	slices.SortFunc(events, func(a, b *storedMessage) int { return compareStored(a, b.number) })
	return slices.CompactFunc(events, func(a, b *storedMessage) bool { return a.number == b.number })
}
