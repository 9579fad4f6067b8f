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

// restartChunk is how many subjects one notice has: about 32 KiB, far below the limit of NATS.
const restartChunk = 1000

// restartNotice is a message between gateways about a lost log incarnation. There are two kinds:
// the position that a gateway had reached in it, and the subjects that had messages after the
// position of another one. Gateways of a release before this one do not subscribe to them; a
// gateway ignores members that it does not know.
type restartNotice struct {
	// Gateway is the sender.
	Gateway string `json:"gw"`
	// Log is the lost log incarnation.
	Log string `json:"log"`
	// Position is the sequence up to which the gateway had delivered it.
	Position uint64 `json:"position,omitempty"`
	// Stored: the gateway's outbox is stored in the new incarnation, or was empty.
	Stored bool `json:"stored,omitempty"`
	// Beyond has subjects, by their hashes, with the sequences of their last messages. All replaces
	// them if they are too many: some subjects have messages up to that sequence.
	Beyond map[string]uint64 `json:"beyond,omitempty"`
	All    uint64            `json:"all,omitempty"`
}

func (w *restartNotice) namesSubjects() bool { return w.All != 0 || len(w.Beyond) > 0 }

func (w *restartNotice) encode() []byte {
	b, err := json.Marshal(w)
	if err != nil { // it has strings and numbers only
		panic(err)
	}
	return b
}

// announceRestart announces this gateway's position in the old incarnation. It runs in the loop.
func (l *Log) announceRestart() {
	if r := l.restarting; r != nil {
		l.announce(&restartNotice{Log: r.log, Position: r.deliveredTo, Stored: r.stored})
	}
}

// announce sends a notice. If it is lost with NATS it is sent again when another gateway changes
// over.
func (l *Log) announce(w *restartNotice) {
	w.Gateway = l.gateway
	l.host.Send(l.subjects.Restarts, w.encode())
}

// receiveRestart handles a notice of another gateway. It runs in the loop.
func (l *Log) receiveRestart(msg *nats.Msg) {
	var w restartNotice
	if err := json.Unmarshal(msg.Data, &w); err != nil {
		l.host.Malformed(msg, err)
		return
	}
	l.delivering.Lock()
	same := w.Log == l.incarnation // this gateway has not changed over yet, and announces it when it does
	l.delivering.Unlock()
	r := l.restarting
	switch {
	case same:
	case r == nil || r.log != w.Log:
		// This gateway never had that incarnation, and says so, so that nobody waits for it. Such
		// notices are not answered.
		if !w.namesSubjects() && (w.Position != 0 || !w.Stored) {
			l.announce(&restartNotice{Log: w.Log, Stored: true})
		}
	case w.namesSubjects():
		l.interruptBeyond(r, &w)
	default:
		l.meet(r, &w)
	}
}

// announceForDead announces the subjects of messages that lost gateways had stored. It is called
// when all live gateways have changed over.
func (l *Log) announceForDead(r *restart) {
	alive := l.host.Peers()
	dead := func(publisher string) bool { return publisher != "" && !slices.Contains(alive, publisher) }
	for _, position := range r.positions {
		l.announceBeyond(r, position, dead)
	}
}

// ownBeyond returns the subjects of messages that this gateway has stored but not delivered.
func (r *restart) ownBeyond() *restartNotice {
	beyond, all := r.tail.beyond(r.deliveredTo, ownMessages)
	return &restartNotice{Log: r.log, Beyond: beyond, All: all}
}

// ownMessages selects the messages that this gateway has stored.
func ownMessages(publisher string) bool { return publisher == "" }

// meet handles the position of another gateway, and answers with the subjects that it has missed.
func (l *Log) meet(r *restart, w *restartNotice) {
	if _, met := r.peers[w.Gateway]; !met {
		l.announceRestart() // it may have started after the announcement
	}
	r.peers[w.Gateway] = r.peers[w.Gateway] || w.Stored
	if w.Position != 0 {
		r.positions[w.Gateway] = w.Position
		// Other gateways announce their own messages; those that they do not know to be stored they
		// store again.
		l.announceBeyond(r, w.Position, ownMessages)
	}
}

// announceBeyond tells a gateway with that position which subjects had messages after it.
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

// interruptBeyond closes the connections of the targets of messages of the old incarnation that
// were not delivered here.
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

// tailSubject returns a live subject in the form that tail uses.
func (l *Log) tailSubject(subject string) string {
	return strings.TrimPrefix(subject, l.liveRoot)
}
