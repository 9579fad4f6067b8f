// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"slices"
	"strconv"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// joinWithHistory puts a socket into rooms of which some have a history that it is to get. What comes in for the socket meanwhile
// is held, so that the history comes first.
func (a *adapter) joinWithHistory(s *socketio.Socket, rooms, past []string, n *session) {
	release, offset := a.cluster.events.hold(s)
	for _, room := range past {
		a.history.watch(room)
	}
	a.enter(s, rooms)
	err := n.saveRooms(rooms...)
	var sent []socketio.Delivery
	if err == nil {
		sent, err = a.historyFor(past, offset)
	}
	if err != nil {
		a.cluster.log.Warn("a socket joins without the history of its rooms", "socket", s.LogID(), "error", err)
	}
	release(sent)
}

// hold begins to keep back what comes in for a socket, and returns the offset of what it has got.
func (l *eventLog) hold(s *socketio.Socket) (release func([]socketio.Delivery), offset []byte) {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return s.Hold(), l.offset(nil, l.position)
}

// historyFor reads what is kept of rooms, as it is sent to who joins: with the offset of what came before, so that who is lost in
// the midst of it misses nothing else.
func (a *adapter) historyFor(rooms []string, offset []byte) ([]socketio.Delivery, error) {
	ctx, cancel := context.WithTimeout(context.Background(), recoverTimeout)
	defer cancel()
	var messages []storedMessage
	for _, room := range rooms {
		kept, err := a.history.read(ctx, a, room)
		if err != nil {
			return nil, err
		}
		messages = append(messages, kept...)
	}
	slices.SortFunc(messages, func(x, y storedMessage) int { return int(int64(x.number) - int64(y.number)) })
	var sent []socketio.Delivery
	for _, m := range messages {
		decoded, err := decodeMessage(m.data)
		if err != nil {
			a.cluster.metrics.malformed.Inc()
			continue
		}
		d := decoded.delivery
		d.Position = m.number
		if a.revised(d.Rooms) {
			d.Trailer = append(appendRevision(nil, m.number), ',')
		}
		d.Trailer = append(d.Trailer, offset...)
		sent = append(sent, d)
	}
	return sent, nil
}

// newWithHistory are those of rooms that a socket is not in yet, and whose history it is to get.
func (a *adapter) newWithHistory(s *socketio.Socket, rooms []string) []string {
	if !s.Connected() {
		return nil
	}
	var found []string
	for _, room := range rooms {
		if p := a.policyOf(room); p.hasHistory() && p.HistoryOnJoin && !slices.Contains(a.rooms.RoomsOf(s), room) {
			found = append(found, room)
		}
	}
	return found
}

// revised tells whether an event for rooms carries its revision.
func (a *adapter) revised(rooms []string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool { return a.policyOf(room).Revisions })
}

func appendRevision(trailer []byte, number uint64) []byte {
	trailer = append(trailer, `{"revision":`...)
	return append(strconv.AppendUint(trailer, number, 10), '}')
}
