// SPDX-License-Identifier: Apache-2.0

package cluster

const (
	// gatewayIDLength is how much of a socket's id names its gateway.
	gatewayIDLength = 8
	// socketIDLength is the length of every socket's id.
	socketIDLength = 24
	// SessionMACLength is how much longer a session's id is than a socket's: there it has what proves
	// that a gateway of the service made it, if gateways forward to each other. A 2.x client takes
	// the id of its session for that of its socket.
	SessionMACLength = 16
	// sessionIDLength is the length of every session's id.
	sessionIDLength = socketIDLength + SessionMACLength
)

// NewSocketID returns an id that names this gateway, so that an event for one socket finds its way
// without a subscription for each.
func (c *Cluster) NewSocketID() string { return c.id + randomToken(socketIDLength-gatewayIDLength) }

// NewSessionID returns the id of a session whose requests no other gateway forwards. It names this
// gateway, as the ids that forward.Identity seals do, and is a bearer secret.
func (c *Cluster) NewSessionID() string { return c.NewSocketID() + randomToken(SessionMACLength) }

// ownerOfRoom is the gateway that the name of a room names, and the id that does it, if the room has
// the name of a socket: its id, or what a 2.x client takes for it. The latter has the namespace in
// front in all but the main one; it must not become a subject of its own, to which the gateway would
// have to subscribe, since anybody who lists the subscriptions of NATS could read the session's id.
func ownerOfRoom(room string) (gateway, id string, ok bool) {
	if i := len(room) - sessionIDLength - 1; i > 0 && room[0] == '/' && room[i] == '#' {
		room = room[i+1:]
	}
	gateway, ok = gatewayOfSocket(room)
	return gateway, room, ok
}

// gatewayOfSocket is the gateway that a socket's id names, if the string has the form of one.
func gatewayOfSocket(id string) (string, bool) {
	if len(id) != socketIDLength && len(id) != sessionIDLength {
		return "", false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return "", false
		}
	}
	return id[:gatewayIDLength], true
}
