// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// writerLength is that of record.By.
const writerLength = 8

// record is a session as the log has it. The numbers are places in the log; 0 stands for that of the record itself, which is
// not known before it is stored.
type record struct {
	SocketID  string `json:"sid"`
	Namespace string `json:"ns"`
	// Gateway is the one that has the socket, or had it last.
	Gateway string `json:"gw"`
	// By names who has written it: one session of one gateway, until it is lost or recovered.
	By string `json:"by,omitempty"`
	// Floor is where the session begins: nothing before it concerns the socket.
	Floor uint64 `json:"floor"`
	// Rooms are those that the socket is in, and since when.
	Rooms map[string]uint64 `json:"rooms"`
	// Left are the last of those that it has left, and when it was in them.
	Left map[string]span `json:"left,omitempty"`
	// Data is what the application has stored with the socket.
	Data []byte `json:"data,omitempty"`
	// Identity is who the client is; nil if it is anonymous. A gateway of a release that does not know it
	// leaves it out of what it writes: the client starts a new session then, unless it is anonymous.
	Identity *socketio.Identity `json:"who,omitempty"`
	// Gone is when the client was lost, in milliseconds since 1970; 0 while it is there.
	Gone int64 `json:"gone,omitempty"`
	// Ended: the client has left, or was told to.
	Ended bool `json:"ended,omitempty"`
	// Restarted: the session began in a log that was lost. Only an offset of this log proves that the client has received what was
	// in the old one.
	Restarted bool `json:"restarted,omitempty"`
}

// span is a part of the log: behind one number, up to another one.
type span struct {
	After uint64 `json:"after"`
	UpTo  uint64 `json:"upTo"`
}

func (s span) holds(number uint64) bool { return number > s.After && number <= s.UpTo }

func (r *record) encode() []byte {
	b, err := json.Marshal(r)
	if err != nil { // strings, numbers and bytes
		panic(err)
	}
	return b
}

func decodeRecord(b []byte) (*record, error) {
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("decode a session: %w", err)
	}
	return &r, nil
}

// fillSequences puts the number of the record where it was not known.
func (r *record) fillSequences(number uint64) {
	if r.Floor == 0 {
		r.Floor = number
	}
	for room, since := range r.Rooms {
		if since == 0 {
			r.Rooms[room] = number
		}
	}
	for room, s := range r.Left {
		if s.UpTo == 0 {
			s.UpTo = number
		}
		if s.After == 0 {
			s.After = number
		}
		r.Left[room] = s
	}
}

// confirm puts the number of a message where it was not known before it was stored.
func (r *record) confirm(w *sessionWrite, number uint64) {
	if r.Floor == 0 {
		r.Floor = number
	}
	for _, room := range w.joined {
		if since, in := r.Rooms[room]; in && since == 0 {
			r.Rooms[room] = number
		} else if left, was := r.Left[room]; was && left.After == 0 { // meanwhile
			left.After = number
			r.Left[room] = left
		}
	}
	for _, room := range w.left {
		if left, was := r.Left[room]; was && left.UpTo == 0 {
			left.UpTo = number
			r.Left[room] = left
		}
	}
}

// move makes the record's rooms those that are given.
func (r *record) move(rooms []string) {
	next := make(map[string]uint64, len(rooms))
	for _, room := range rooms {
		next[room] = r.Rooms[room]
	}
	for room, since := range r.Rooms {
		if _, still := next[room]; !still {
			r.leave(room, span{After: since})
		}
	}
	r.Rooms = next
}

// leave remembers a room that was left, in place of those that were left first.
func (r *record) leave(room string, s span) {
	if r.Left == nil {
		r.Left = map[string]span{}
	}
	r.Left[room] = s
	for len(r.Left) > maxLeft || nameBytes(r.Left) > maxLeftBytes {
		delete(r.Left, r.leftFirst())
	}
}

func (r *record) leftFirst() string {
	return slices.MinFunc(slices.Collect(maps.Keys(r.Left)), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Left[a].UpTo-1, r.Left[b].UpTo-1), cmp.Compare(a, b)) // 0 is later than all numbers
	})
}

// restrict takes rooms out that the socket may not be in any more. What was sent to them is not missed.
func (r *record) restrict(allows func(room string) bool) {
	maps.DeleteFunc(r.Rooms, func(room string, _ uint64) bool { return !allows(room) })
	maps.DeleteFunc(r.Left, func(room string, _ span) bool { return !allows(room) })
}

// ended is what is left of a session that has ended.
func (r *record) ended() *record {
	return &record{
		SocketID: r.SocketID, Namespace: r.Namespace, Gateway: r.Gateway, By: r.By, Floor: r.Floor,
		Gone: time.Now().UnixMilli(), Ended: true,
	}
}

// clone is a copy that shares nothing that changes.
func (r *record) clone() *record {
	c := *r
	c.Rooms, c.Left = maps.Clone(r.Rooms), maps.Clone(r.Left)
	return &c
}

// wasIn tells whether the socket was in a room at a place in the log.
func (r *record) wasIn(room string, number uint64) bool {
	if since, ok := r.Rooms[room]; ok && number > since {
		return true
	}
	return r.Left[room].holds(number)
}

// isMeant tells whether an event with a number was meant for the socket.
func (r *record) isMeant(t *socketio.Target, number uint64) bool {
	in := func(room string) bool { return r.wasIn(room, number) }
	return (t.Rooms == nil || slices.ContainsFunc(t.Rooms, in)) && !slices.ContainsFunc(t.Except, in)
}
