// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
)

// delta is a change of a session since the message before it on its subject, as the log stores it.
// A gateway that does not know deltas takes one for the record of another namespace, so that the
// client starts a new session; none is written while there is such a gateway.
type delta struct {
	By string `json:"by,omitempty"`
	// Base is the sequence of the record that the deltas follow. Index counts them, from 1.
	Base  uint64 `json:"base"`
	Index int    `json:"index"`
	// Joined and Left are rooms; the sequence of the delta is when they changed. No JSON name here
	// has another meaning in a record.
	Joined []string `json:"joins,omitempty"`
	Left   []string `json:"leaves,omitempty"`
	// Data is the socket's data, if HasData.
	Data    []byte `json:"data,omitempty"`
	HasData bool   `json:"hasData,omitempty"`
	// Gone is when the client was lost, in milliseconds since 1970; 0 while it is connected.
	Gone int64 `json:"gone,omitempty"`

	// whole: the complete record is stored instead.
	whole bool
}

// errBrokenChain: the messages of a session do not follow each other, because another gateway has
// written in between, or because the reader did not get all of them.
var errBrokenChain = errors.New("a part of the session is missing")

func (d *delta) encode() []byte {
	b, err := json.Marshal(d)
	if err != nil { // it has strings, numbers and bytes only
		panic(err)
	}
	return b
}

// note updates a record with whether the socket is in a room, and returns by how much the names of
// its rooms have grown.
func (d *delta) note(r *record, room string, in bool) (grown int) {
	since, was := r.Rooms[room]
	switch {
	case in && !was:
		d.Joined = append(d.Joined, room)
		r.Rooms[room] = 0
		return jsonLength(room)
	case !in && was:
		d.Left = append(d.Left, room)
		delete(r.Rooms, room)
		r.leave(room, span{After: since})
		return -jsonLength(room)
	}
	return 0
}

// apply applies a delta with that sequence to the record.
func (r *record) apply(d *delta, number uint64) {
	for _, room := range d.Left {
		since := r.Rooms[room]
		delete(r.Rooms, room)
		r.leave(room, span{After: since, UpTo: number})
	}
	for _, room := range d.Joined {
		if r.Rooms == nil {
			r.Rooms = map[string]uint64{}
		}
		r.Rooms[room] = number
	}
	if d.HasData {
		r.Data = d.Data
	}
	if d.Gone != 0 {
		r.Gone = d.Gone
	}
}

// decodeSession decodes a message of a session: a record or a delta.
func decodeSession(b []byte) (*record, *delta, error) {
	var d delta
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, nil, fmt.Errorf("decode a session: %w", err)
	}
	if d.Base != 0 {
		return nil, &d, nil
	}
	r, err := decodeRecord(b)
	return r, nil, err
}

// foldSession returns the session that results from a record and the deltas behind it.
func foldSession(chain []eventlog.Message) (*record, error) {
	if len(chain) == 0 {
		return nil, errBrokenChain
	}
	r, d, err := decodeSession(chain[0].Data)
	if err != nil {
		return nil, err
	}
	if d != nil {
		return nil, errBrokenChain
	}
	r.fillSequences(chain[0].Sequence)
	index := 0
	for _, m := range chain[1:] {
		_, d, err := decodeSession(m.Data)
		switch {
		case err != nil:
			return nil, err
		case d == nil || d.Base != chain[0].Sequence || d.Index > index+1:
			return nil, errBrokenChain
		case d.Index <= index:
			continue // stored twice
		}
		r.apply(d, m.Sequence)
		index++
	}
	return r, nil
}
