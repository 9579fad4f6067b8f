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

// writerLength is the length of record.By.
const writerLength = 8

// record is a session as the log stores it. The numbers are sequences of the log; 0 stands for the
// sequence of the record itself, which is not known before it is stored.
type record struct {
	SocketID  string `json:"sid"`
	Namespace string `json:"ns"`
	// Gateway is the gateway that has the socket, or had it last.
	Gateway string `json:"gw"`
	// By identifies the writer: one session of one gateway, until it is lost or recovered.
	By string `json:"by,omitempty"`
	// Floor is where the session begins: no earlier event concerns the socket.
	Floor uint64 `json:"floor"`
	// Rooms are the socket's rooms, each with the sequence since which it is there.
	Rooms map[string]uint64 `json:"rooms"`
	// Left are the last rooms that the socket has left, each with the span in which it was there.
	Left map[string]span `json:"left,omitempty"`
	// Data is the socket's data.
	Data []byte `json:"data,omitempty"`
	// Identity is the identity of the client; nil if it is anonymous. A gateway of a release that
	// does not know it omits it from the records that it writes: then the client starts a new
	// session, unless it is anonymous.
	Identity *socketio.Identity `json:"who,omitempty"`
	// Gone is when the client was lost, in milliseconds since 1970; 0 while it is connected.
	Gone int64 `json:"gone,omitempty"`
	// Ended: the client has left, or was disconnected by the server.
	Ended bool `json:"ended,omitempty"`
	// Restarted: the session began in a log incarnation that was lost. Only an offset of the
	// present one proves that the client has received everything from the former one.
	Restarted bool `json:"restarted,omitempty"`
}

// span is a part of the log: after one sequence, up to another one.
type span struct {
	After uint64 `json:"after"`
	UpTo  uint64 `json:"upTo"`
}

func (s span) holds(number uint64) bool { return number > s.After && number <= s.UpTo }

func (r *record) encode() []byte {
	b, err := json.Marshal(r)
	if err != nil { // it has strings, numbers and bytes only
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

// fillSequences replaces zeros by the sequence of the record.
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

// confirm replaces zeros by the sequence of a stored message.
func (r *record) confirm(w *sessionWrite, number uint64) {
	if r.Floor == 0 {
		r.Floor = number
	}
	for _, room := range w.joined {
		if since, in := r.Rooms[room]; in && since == 0 {
			r.Rooms[room] = number
		} else if left, was := r.Left[room]; was && left.After == 0 { // it was left meanwhile
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

// move replaces the record's rooms.
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

// leave adds a room that was left, and drops those that were left first.
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
		return cmp.Or(cmp.Compare(r.Left[a].UpTo-1, r.Left[b].UpTo-1), cmp.Compare(a, b)) // 0 is later than all sequences
	})
}

// restrict removes the rooms that the socket may not join any more. Events to them do not count as
// missed. Only rooms that it is in again take a place: what was missed in a room that was left is
// the client's, whether or not that is full now.
func (r *record) restrict(kept *socketio.Session) {
	entered := kept.Enter(slices.Collect(maps.Keys(r.Rooms))...)
	maps.DeleteFunc(r.Rooms, func(room string, _ uint64) bool { return !slices.Contains(entered, room) })
	maps.DeleteFunc(r.Left, func(room string, _ span) bool { return !kept.Allows(room) })
}

// ended returns the record of an ended session.
func (r *record) ended() *record {
	return &record{
		SocketID: r.SocketID, Namespace: r.Namespace, Gateway: r.Gateway, By: r.By, Floor: r.Floor,
		Gone: time.Now().UnixMilli(), Ended: true,
	}
}

// clone returns a copy that shares nothing that changes.
func (r *record) clone() *record {
	c := *r
	c.Rooms, c.Left = maps.Clone(r.Rooms), maps.Clone(r.Left)
	return &c
}

// wasIn reports whether the socket was in a room at a sequence of the log.
func (r *record) wasIn(room string, number uint64) bool {
	if since, ok := r.Rooms[room]; ok && number > since {
		return true
	}
	return r.Left[room].holds(number)
}

// isMeant reports whether the socket was a target of the event with that sequence.
func (r *record) isMeant(t *socketio.Target, number uint64) bool {
	in := func(room string) bool { return r.wasIn(room, number) }
	return (t.Rooms == nil || slices.ContainsFunc(t.Rooms, in)) && !slices.ContainsFunc(t.Except, in)
}
