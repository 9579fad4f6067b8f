// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"fmt"
	"unicode/utf8"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// The limits of a session. Together they are a quarter of what NATS accepts by default
// (max_payload, 1 MiB).
const (
	// maxSessionData bounds the socket's data, encoded.
	maxSessionData = 64 << 10
	// maxSessionRooms and maxSessionRoomBytes bound the rooms of a socket, including its own, and
	// the sum of their names.
	maxSessionRooms     = 1024
	maxSessionRoomBytes = 128 << 10
	// maxLeft and maxLeftBytes bound the rooms that a socket has left and that its session still
	// has.
	maxLeft      = 32
	maxLeftBytes = 8 << 10
)

const (
	// recordHeaders is an upper bound of the headers of a session's message.
	recordHeaders = 512
	// recordFixed and recordPerRoom are upper bounds of a record without rooms and data, and of a
	// room without its name.
	recordFixed   = 512
	recordPerRoom = 32
)

// errNotKept: the session cannot be stored as it is, and therefore ends.
var errNotKept = fmt.Errorf("it cannot be kept for its client's return: %w", socketio.ErrSessionEnded)

// maxRecord returns the size of the largest record that can be stored.
func (s *Sessions) maxRecord() int {
	carried := s.host.NATS().MaxPayload()
	if carried == 0 { // not connected yet
		return maxSessionData*2 + maxSessionRoomBytes*2
	}
	return int(carried) - recordHeaders
}

func checkData(data []byte) error {
	if len(data) > maxSessionData {
		return fmt.Errorf("the socket's data take %d bytes, more than %d: %w", len(data), maxSessionData, errNotKept)
	}
	return nil
}

func checkRooms(count, bytes int) error {
	if count > maxSessionRooms {
		return fmt.Errorf("the socket is in %d rooms, more than %d: %w", count, maxSessionRooms, errNotKept)
	}
	if bytes > maxSessionRoomBytes {
		return fmt.Errorf("the names of the socket's rooms take %d bytes, more than %d: %w", bytes, maxSessionRoomBytes, errNotKept)
	}
	return nil
}

func checkSize(size, most int) error {
	if size > most {
		return fmt.Errorf("the session takes up to %d bytes, and NATS carries %d: %w", size, most, errNotKept)
	}
	return nil
}

// check returns an error if a record cannot be stored, given the sum of its rooms' names and its
// maximum size.
func (r *record) check(roomBytes, most int) error {
	if err := checkData(r.Data); err != nil {
		return err
	}
	if err := checkRooms(len(r.Rooms), roomBytes); err != nil {
		return err
	}
	size := recordSize(len(r.Rooms), roomBytes, len(r.Data)) + identitySize(r.Identity)
	return checkSize(size+nameBytes(r.Left)+2*recordPerRoom*len(r.Left), most)
}

// recordSize returns an upper bound of the size of a record without rooms that were left.
func recordSize(rooms, roomBytes, data int) int {
	return recordFixed + recordPerRoom*rooms + roomBytes + (data+2)/3*4
}

// identitySize returns an upper bound of the size of an identity in a record.
func identitySize(id *socketio.Identity) int {
	const names = 128
	if id == nil {
		return 0
	}
	return names + jsonLength(id.Provider) + jsonLength(id.User) + jsonLength(string(id.Claims))
}

// nameBytes returns the length of names as JSON.
func nameBytes[T any](rooms map[string]T) int {
	n := 0
	for room := range rooms {
		n += jsonLength(room)
	}
	return n
}

// jsonLength returns an upper bound of the length of a string as encoding/json writes it.
func jsonLength(s string) int {
	const escaped = len(`\u0000`)
	n := 0
	for _, c := range s {
		switch {
		case c < ' ', c == '"', c == '\\', c == '<', c == '>', c == '&', c == utf8.RuneError, c == '\u2028', c == '\u2029':
			n += escaped
		default:
			n += utf8.RuneLen(c)
		}
	}
	return n
}

// Fits returns an error if a socket's session can no longer be stored with more rooms, or with
// other data.
func (ns *Namespace) Fits(s *socketio.Socket, joined []string, data []byte) error {
	n := ns.sessionOf(s)
	if n == nil {
		return nil
	}
	return n.fits(joined, data)
}

func (s *session) fits(joined []string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine.state == over {
		return nil
	}
	if data == nil {
		data = s.record.Data
	}
	rooms, bytes := len(s.record.Rooms), s.roomBytes
	for _, room := range joined {
		if _, in := s.record.Rooms[room]; !in {
			rooms++
			bytes += jsonLength(room)
		}
	}
	if err := checkData(data); err != nil {
		return err
	}
	if err := checkRooms(rooms, bytes); err != nil {
		return err
	}
	// The rest is for changes that cannot be refused, such as rooms that the socket leaves.
	return checkSize(recordSize(rooms, bytes, len(data))+identitySize(s.record.Identity), s.owner.maxRecord()/4*3)
}
