// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/rand"
	"encoding/base64"
)

const (
	// GatewayIDLength is how much of a socket's id names its gateway.
	GatewayIDLength = 8
	// SocketIDLength is the length of every socket's id.
	SocketIDLength = 24
	// SessionMACLength is how much longer a session's id is than a socket's: there it has what
	// proves that a gateway of the service made it, if gateways forward to each other. A 2.x client
	// takes the id of its session for that of its socket.
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

// OwnerOfRoom is the gateway that the name of a room names, and the id that does it, if the room
// has the name of a socket: its id, or what a 2.x client takes for it. The latter has the namespace
// in front in all but the main one; it must not become a subject of its own, to which the gateway
// would have to subscribe, since anybody who lists the subscriptions of NATS could read the
// session's id.
func OwnerOfRoom(room string) (gateway, id string, ok bool) {
	if i := len(room) - SessionIDLength - 1; i > 0 && room[0] == '/' && room[i] == '#' {
		room = room[i+1:]
	}
	gateway, ok = GatewayOfSocket(room)
	return gateway, room, ok
}

// GatewayOfSocket is the gateway that a socket's id names, if the string has the form of one.
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
