// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog/history"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// historySent is the history of rooms that is being sent to a socket that has joined them. The
// gateway keeps the events for all members; each is encoded when the client takes it. While another
// backlog is sent to the client, this one refers to no events: it takes those that are kept when
// its turn comes.
type historySent struct {
	namespace *Namespace
	socket    *socketio.Socket
	// since is the sequence of the last event before the history, and offset the one that the
	// client is told: a client that is lost in between misses nothing else.
	since  uint64
	offset []byte
	// release sends the history and the held events. joined is called at that time, when the rooms
	// need not keep the events any longer.
	release func(socketio.Past)
	joined  func()
	// rooms are the parts of their histories that are sent.
	rooms []history.Part
	// held are events that arrived while the history was read. They are not sent a second time, so
	// they are sent here, even if the history has no room for them any more.
	held []*eventlog.Message
	// events are those that are left to be sent, once begun.
	events []*eventlog.Message
	begun  bool
	// again receives the events of rooms that were evicted meanwhile, when they have been read
	// again; nil if there are none.
	again chan []*eventlog.Message
}

// read finds the events of the rooms, which may take requests to the log, and returns them in
// order: the histories, and events that have arrived since, even if the histories have no room for
// them any more. Events in the log that have not been delivered here yet are left out: the socket
// is in the rooms, and will receive them.
func (h *historySent) read(rooms []string) (known []*eventlog.Message, err error) {
	ctx, cancel := context.WithTimeout(h.namespace.owner.life, recoverTimeout)
	defer cancel()
	for _, room := range rooms {
		messages, r, err := h.namespace.history.Read(ctx, room, h.since)
		if err != nil {
			h.rooms = nil
			return nil, err
		}
		messages = messages[:history.Behind(messages, h.namespace.owner.log.Delivered())]
		known = append(known, messages...)
		if kept := messages[history.Begin(h.namespace.Policy(room), messages):]; len(kept) > 0 {
			h.rooms = append(h.rooms, history.Part{Room: r, First: kept[0].Sequence, Last: kept[len(kept)-1].Sequence})
		}
	}
	return history.InOrder(known), nil
}

// past returns the history for a socket. It refers to known only until the held events are sorted.
func (h *historySent) past(known []*eventlog.Message) socketio.Past {
	has := func(number uint64) bool {
		i, found := history.Find(known, number)
		if found {
			h.held = append(h.held, known[i])
		}
		return found
	}
	return socketio.Past{Has: has, Next: h.next}
}

// next returns the next event for the client, nil at the end, and socketio.NotYet while an evicted
// room is read again.
func (h *historySent) next() *socketio.Delivery {
	if !h.begun {
		h.begin()
	}
	if h.again != nil {
		select {
		case events := <-h.again:
			h.events, h.again = history.InOrder(append(h.events, events...)), nil
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

// begin takes the events from the histories. It runs under the lock of a session, so it must not
// take the lock of the rooms, under which others wait for sessions.
func (h *historySent) begin() {
	h.begun = true
	events := h.held
	var gone []history.Part
	for _, part := range h.rooms {
		var kept bool
		if events, kept = part.Room.AppendPart(events, part); !kept {
			gone = append(gone, part)
		}
	}
	h.events, h.held, h.rooms = history.InOrder(events), nil, nil
	if len(gone) > 0 {
		h.again = make(chan []*eventlog.Message, 1)
		h.namespace.owner.host.Go(func() { h.readAgain(gone) })
	}
}

// readAgain reads parts of rooms that were evicted, and continues with them. Of a room that cannot
// be read now, nothing is sent.
func (h *historySent) readAgain(gone []history.Part) {
	ctx, cancel := context.WithTimeout(h.namespace.owner.life, recoverTimeout)
	defer cancel()
	var events []*eventlog.Message
	for _, part := range gone {
		room := part.Room.Name()
		if !h.namespace.Has(room) {
			continue // like a room that was dropped
		}
		kept, _, err := h.namespace.history.Read(ctx, room, eventlog.End)
		if err != nil {
			h.namespace.owner.logger.Warn("a socket is sent no history of a room", h.socket.LogAttr(), "error", err)
			continue
		}
		events = append(events, part.Of(kept)...)
	}
	h.again <- events
	h.socket.ResumePast()
}

// delivery returns an event in the form in which it is sent to the client; nil if it cannot be
// decoded.
func (h *historySent) delivery(m *eventlog.Message) *socketio.Delivery {
	decoded, err := h.namespace.owner.host.Decode(m.Data)
	if err != nil {
		return nil
	}
	d := &decoded.Delivery
	d.Position, d.Trace = m.Sequence, m.Trace
	if h.namespace.IsRevised(d.Rooms) {
		d.ExtraArgs = append(eventlog.AppendRevision(nil, m.Sequence), ',')
	}
	d.ExtraArgs = append(d.ExtraArgs, h.offset...)
	return d
}
