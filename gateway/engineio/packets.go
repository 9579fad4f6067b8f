// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// The packets that never differ.
var (
	pingPacket = newTextPacket(packet.Ping, nil)
	pongPacket = newTextPacket(packet.Pong, nil)
	noopPacket = newTextPacket(packet.Noop, nil)
	// closePacket is over websocket a close frame without a status, as the reference implementation sends it.
	closePacket = &Message{frame: websocket.CloseFrame(websocket.CodeNoStatus), polling: []byte{byte(packet.Close)}}
)

// openPacket is the first packet of a session.
func openPacket(c *Config, id, transport string) *Message {
	h := packet.Handshake{
		SessionID: id, Upgrades: c.upgrades(transport), PingInterval: c.PingInterval, PingTimeout: c.PingTimeout, MaxPayload: c.MaxPayload,
	}
	return newTextPacket(packet.Open, h.Encode())
}
