// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// Rooms reads a list of rooms. It is nil for an empty list: nobody publishes what is addressed to
// nobody, so no rooms stand for the namespace.
func (r *Reader) Rooms() []string {
	n := r.Count()
	if n == 0 {
		return nil
	}
	out := make([]string, 0, n)
	for ; n > 0 && r.Err == nil; n-- {
		out = append(out, respell(string(r.Bytes())))
	}
	return out
}

// AppendRooms writes what Reader.Rooms reads.
func AppendRooms(buf []byte, rooms []string) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(rooms)))
	for _, room := range rooms {
		buf = AppendBytes(buf, respell(room))
	}
	return buf
}

// foreign begins the name of a user's room on the wire, in place of what it begins with here. It is
// no UTF-8, which clients, handlers and programs cannot name.
const foreign = "\xffuser:"

// respell returns the name of a room on the wire for that in a gateway, and the other way round:
// names of users' rooms begin differently. A gateway of a release that knows no such rooms takes
// them for any others, which its clients may be in, and may send to. Those of the same name here
// and there are different ones thereby.
func respell(room string) string {
	if room == "" || room[0] != 0 && room[0] != foreign[0] {
		return room
	}
	if rest, ok := userroom.Cut(room); ok {
		return foreign + rest
	}
	if len(room) >= len(foreign) && room[:len(foreign)] == foreign {
		return userroom.Join(room[len(foreign):])
	}
	return room
}
