// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// joinWithHistory puts a socket into rooms, some with a history that the socket receives. New
// events for the socket are held meanwhile, so that the history comes first.
func (ns *Namespace) joinWithHistory(s *socketio.Socket, rooms, past []string, n *session) {
	sent := ns.holdForHistory(s, past)
	defer sent.joined()
	ns.base.Join(s, rooms...)
	err := n.saveRooms(rooms...)
	var known []*eventlog.Message
	if err == nil {
		known, err = sent.read(past)
	}
	if err != nil {
		ns.owner.logger.Warn("a socket joins without the history of its rooms", s.LogAttr(), "error", err)
	}
	sent.release(sent.past(known))
}

// holdForHistory begins to hold events for a socket that is about to join rooms, and to keep them
// in the rooms' histories.
func (ns *Namespace) holdForHistory(s *socketio.Socket, rooms []string) *historySent {
	sent := &historySent{namespace: ns, socket: s}
	sent.release, sent.since, sent.offset = ns.owner.log.Hold(s)
	joins := make([]func(), 0, len(rooms))
	for _, room := range rooms {
		joins = append(joins, ns.history.Join(room, sent.since))
	}
	sent.joined = func() {
		for _, done := range joins {
			done()
		}
	}
	return sent
}

// newWithHistory returns the rooms that a socket is not in yet, and whose history it receives.
func (ns *Namespace) newWithHistory(s *socketio.Socket, rooms []string) []string {
	if !s.Connected() {
		return nil
	}
	var found []string
	for _, room := range rooms {
		if p := ns.Policy(room); !ns.base.Rooms().Contains(s, room) && p.SendsHistory(s.ID()) {
			found = append(found, room)
		}
	}
	return found
}
