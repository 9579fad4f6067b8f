// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"slices"
	"strconv"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// joinWithHistory puts a socket into rooms of which some have a history that it is to get. What comes in for the socket meanwhile
// is held, so that the history comes first.
func (a *adapter) joinWithHistory(s *socketio.Socket, rooms, past []string, n *session) {
	sent := a.holdForHistory(s, past)
	defer sent.joined()
	a.enter(s, rooms)
	err := n.saveRooms(rooms...)
	var known []*storedMessage
	if err == nil {
		known, err = sent.read(past)
	}
	if err != nil {
		a.cluster.log.Warn("a socket joins without the history of its rooms", "socket", s.LogID(), "error", err)
	}
	sent.release(sent.past(known))
}

// holdForHistory begins to keep back what comes in for a socket, which is about to join rooms, and to keep it in their histories.
func (a *adapter) holdForHistory(s *socketio.Socket, rooms []string) *historySent {
	sent := &historySent{adapter: a, socket: s}
	sent.release, sent.since, sent.offset = a.cluster.events.hold(s)
	joins := make([]func(), 0, len(rooms))
	for _, room := range rooms {
		joins = append(joins, a.history.join(room, sent.since))
	}
	sent.joined = func() {
		for _, done := range joins {
			done()
		}
	}
	return sent
}

// hold begins to keep back what comes in for a socket, behind a number, and returns the offset of what it has got.
func (l *eventLog) hold(s *socketio.Socket) (release func(socketio.Past), since uint64, offset []byte) {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return s.Hold(), l.position, l.offset(nil, l.position)
}

// newWithHistory are those of rooms that a socket is not in yet, and whose history it is to get.
func (a *adapter) newWithHistory(s *socketio.Socket, rooms []string) []string {
	if !s.Connected() {
		return nil
	}
	var found []string
	for _, room := range rooms {
		if p := a.policyOf(room); p.hasHistory() && p.HistoryOnJoin && !a.rooms.Contains(s, room) {
			found = append(found, room)
		}
	}
	return found
}

// revised tells whether an event for rooms carries its revision.
func (a *adapter) revised(rooms []string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool { return a.policyOf(room).Revisions })
}

func appendRevision(values []byte, number uint64) []byte {
	values = append(values, `{"revision":`...)
	return append(strconv.AppendUint(values, number, 10), '}')
}
