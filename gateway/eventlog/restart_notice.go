// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// restartChunk is how many subjects one notice names: about 32 KiB, far below what NATS carries.
const restartChunk = 1000

// restartNotice is what gateways tell each other of a log that was lost. There are two kinds: how far a gateway had come in it, and
// which subjects had messages behind that of another one. Gateways of a release before this one do not listen; members that a gateway does
// not know it passes over.
type restartNotice struct {
	// Gateway has sent it.
	Gateway string `json:"gw"`
	// Log is the incarnation of the log that was lost.
	Log string `json:"log"`
	// Position is the number up to which the gateway had delivered all of it.
	Position uint64 `json:"position,omitempty"`
	// Stored: what the gateway held is in the new log, or it held nothing.
	Stored bool `json:"stored,omitempty"`
	// Beyond are subjects, by their hashes, with the numbers of their last messages. All is in place of them if they are too many: some
	// subjects have messages up to that number.
	Beyond map[string]uint64 `json:"beyond,omitempty"`
	All    uint64            `json:"all,omitempty"`
}

func (w *restartNotice) namesSubjects() bool { return w.All != 0 || len(w.Beyond) > 0 }

func (w *restartNotice) encode() []byte {
	b, err := json.Marshal(w)
	if err != nil { // strings and numbers
		panic(err)
	}
	return b
}

// announceRestart tells the others how far this gateway had come in the old log. It runs in the loop.
func (l *Log) announceRestart() {
	if r := l.restarting; r != nil {
		l.announce(&restartNotice{Log: r.log, Position: r.deliveredTo, Stored: r.stored})
	}
}

// announce sends a notice. One that is lost with NATS is sent again when another gateway comes over.
func (l *Log) announce(w *restartNotice) {
	w.Gateway = l.gateway
	l.host.Send(l.subjects.Restarts, w.encode())
}

// receiveRestart takes a notice of another gateway. It runs in the loop.
func (l *Log) receiveRestart(msg *nats.Msg) {
	var w restartNotice
	if err := json.Unmarshal(msg.Data, &w); err != nil {
		l.host.Malformed(msg, err)
		return
	}
	l.delivering.Lock()
	same := w.Log == l.incarnation // this gateway has not come over yet, and says so when it does
	l.delivering.Unlock()
	r := l.restarting
	switch {
	case same:
	case r == nil || r.log != w.Log:
		// This gateway never had that log, and says so in order not to be waited for. Notices of that kind are not answered.
		if !w.namesSubjects() && (w.Position != 0 || !w.Stored) {
			l.announce(&restartNotice{Log: w.Log, Stored: true})
		}
	case w.namesSubjects():
		l.interruptBeyond(r, &w)
	default:
		l.meet(r, &w)
	}
}

// announceForDead tells the others what gateways had stored that are no more. It is called when all that are alive have come over.
func (l *Log) announceForDead(r *restart) {
	alive := l.host.Peers()
	dead := func(publisher string) bool { return publisher != "" && !slices.Contains(alive, publisher) }
	for _, position := range r.positions {
		l.announceBeyond(r, position, dead)
	}
}

// ownBeyond are the subjects of which this gateway has stored messages without delivering them.
func (r *restart) ownBeyond() *restartNotice {
	beyond, all := r.tail.beyond(r.deliveredTo, ownMessages)
	return &restartNotice{Log: r.log, Beyond: beyond, All: all}
}

// ownMessages is for those that this gateway has stored.
func ownMessages(publisher string) bool { return publisher == "" }

// meet takes how far another gateway had come, and tells it what it has not.
func (l *Log) meet(r *restart, w *restartNotice) {
	if _, met := r.peers[w.Gateway]; !met {
		l.announceRestart() // it may not have been there when that was said
	}
	r.peers[w.Gateway] = r.peers[w.Gateway] || w.Stored
	if w.Position != 0 {
		r.positions[w.Gateway] = w.Position
		// What others have stored they say themselves; what they do not know to be stored they store again.
		l.announceBeyond(r, w.Position, ownMessages)
	}
}

// announceBeyond tells a gateway that had come to a position which subjects had messages behind it.
func (l *Log) announceBeyond(r *restart, position uint64, of func(publisher string) bool) {
	beyond, all := r.tail.beyond(position, of)
	if all != 0 {
		l.announce(&restartNotice{Log: r.log, All: all})
		return
	}
	for chunk := range slices.Chunk(slices.Collect(maps.Keys(beyond)), restartChunk) {
		part := make(map[string]uint64, len(chunk))
		for _, hash := range chunk {
			part[hash] = beyond[hash]
		}
		l.announce(&restartNotice{Log: r.log, Beyond: part})
	}
}

// interruptBeyond closes the connections of those who were to receive messages of the old log that were not delivered here.
func (l *Log) interruptBeyond(r *restart, w *restartNotice) {
	lost := func(subject string) bool {
		return max(w.All, w.Beyond[subjectHash(l.tailSubject(subject))]) > r.deliveredTo
	}
	for _, ns := range l.host.Namespaces() {
		target := socketio.Target{Rooms: []string{}}
		if lost(ns.Subjects().All()) {
			target.Rooms = nil
		} else {
			for _, room := range ns.Rooms().Names() {
				if lost(ns.Subjects().Room(room)) {
					target.Rooms = append(target.Rooms, room)
				}
			}
		}
		sockets := slices.DeleteFunc(ns.Rooms().Selected(target), func(s *socketio.Socket) bool {
			_, there := r.sockets[s]
			delete(r.sockets, s) // it is told once
			return !there
		})
		if len(sockets) > 0 {
			l.interrupt(ns, sockets, ns.Subjects().Prefix, gapRestarted)
		}
	}
}

// tailSubject is a live subject as tail has it.
func (l *Log) tailSubject(subject string) string {
	return strings.TrimPrefix(subject, l.liveRoot)
}
