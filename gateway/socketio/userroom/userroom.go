// SPDX-License-Identifier: Apache-2.0

// Package userroom names the rooms of users. All sockets of a user are reached by a room of theirs,
// as a socket is by its id: nobody else joins it; no rule and no watcher is asked about it; no list
// and no limit of rooms has it. Package socketio knows who is in them.
package userroom

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
)

// prefix begins the names of these rooms. Handlers and programs cannot name a room that begins so.
const prefix = "\x00user:"

// hashSize is the number of bytes of the hash in a name: nobody can find another user with the same
// one.
const hashSize = 16

// Of returns the room of a user of a provider, as in client.Identity. Its name has a hash, so that
// it is short, however long the user's name is, and that subjects of NATS show no names.
func Of(provider, user string) string {
	data := binary.AppendUvarint(make([]byte, 0, 64), uint64(len(provider)))
	sum := sha256.Sum256(append(append(data, provider...), user...))
	return prefix + base64.RawURLEncoding.EncodeToString(sum[:hashSize])
}

// Cut returns what follows the common beginning of the names of these rooms, if a room is one.
func Cut(room string) (rest string, ok bool) { return strings.CutPrefix(room, prefix) }

// Join is the inverse of Cut.
func Join(rest string) string { return prefix + rest }

// Is reports whether a room is that of a user, or has a name like one.
func Is(room string) bool { return strings.HasPrefix(room, prefix) }

// ErrOthers is why a socket does not join the room of another user.
var ErrOthers = errors.New("the room is that of another user")

// Check returns ErrOthers if a socket may not join one of the rooms. own returns the room of its
// own user, or "".
func Check(rooms []string, own func() string) error {
	for _, room := range rooms {
		if Is(room) && room != own() {
			return ErrOthers
		}
	}
	return nil
}

// ErrNamed is why a room that somebody has named is refused.
var ErrNamed = errors.New("a room has a name that is reserved for the rooms of users")

// CheckNames returns ErrNamed if one of the rooms that a client, a handler or a program has named
// is that of a user.
func CheckNames(rooms []string) error {
	for _, room := range rooms {
		if Is(room) {
			return ErrNamed
		}
	}
	return nil
}
