// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/rand"
	"encoding/base64"
)

const (
	// GatewayIDLength is the length of the part of a socket's id that names its gateway.
	GatewayIDLength = 8
	// SocketIDLength is the length of every socket's id.
	SocketIDLength = 24
	// SessionMACLength is how much longer a session's id is than a socket's: the rest proves that a
	// gateway of the service made it, if gateways forward to each other. A 2.x client uses the id
	// of its session as that of its socket.
	SessionMACLength = 16
	// SessionIDLength is the length of every session's id.
	SessionIDLength = SocketIDLength + SessionMACLength
)

// RandomToken returns n random characters of base64url; n is a multiple of 4.
func RandomToken(n int) string {
	b := make([]byte, n/4*3)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// OwnerOfRoom returns the gateway that the name of a room contains, and the socket id in it, if the
// room is named by a socket: by its id, or by what a 2.x client takes for it. The latter has the
// namespace in front in all but the main one; it must not become a subject of its own, to which the
// gateway would have to subscribe, since anybody who lists the subscriptions of NATS could read the
// session's id.
func OwnerOfRoom(room string) (gateway, id string, ok bool) {
	if i := len(room) - SessionIDLength - 1; i > 0 && room[0] == '/' && room[i] == '#' {
		room = room[i+1:]
	}
	gateway, ok = GatewayOfSocket(room)
	return gateway, room, ok
}

// GatewayOfSocket returns the gateway in a socket's id, if the string has the form of one.
func GatewayOfSocket(id string) (string, bool) {
	if len(id) != SocketIDLength && len(id) != SessionIDLength {
		return "", false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return "", false
		}
	}
	return id[:GatewayIDLength], true
}
