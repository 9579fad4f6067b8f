// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"encoding/json"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// The packets that never differ.
var (
	pingPacket = newTextPacket(packetPing, nil)
	pongPacket = newTextPacket(packetPong, nil)
	noopPacket = newTextPacket(packetNoop, nil)
	// closePacket is over websocket a close frame without a status, as the reference implementation sends it.
	closePacket = &Message{frame: websocket.CloseFrame(websocket.CodeNoStatus), polling: []byte{byte(packetClose)}}
)

// openPacket is the first packet of a session, which tells the client how to go on (Engine.IO protocol v4,
// "Handshake"). Times are in milliseconds, the payload's limit in bytes.
func openPacket(c *Config, id, transport string) *Message {
	data, err := json.Marshal(struct {
		SessionID    string   `json:"sid"`
		Upgrades     []string `json:"upgrades"`
		PingInterval int64    `json:"pingInterval"`
		PingTimeout  int64    `json:"pingTimeout"`
		MaxPayload   int64    `json:"maxPayload"`
	}{id, c.upgrades(transport), c.PingInterval.Milliseconds(), c.PingTimeout.Milliseconds(), c.MaxPayload})
	if err != nil { // strings and integers
		panic(err)
	}
	return newTextPacket(packetOpen, data)
}
