// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"encoding/json"
	"fmt"
	"time"
)

// Handshake is the data of the open packet (Engine.IO protocol v4, "Handshake").
type Handshake struct {
	SessionID string
	// Upgrades are the transports to which the client may upgrade.
	Upgrades                  []string
	PingInterval, PingTimeout time.Duration
	// MaxPayload is in bytes.
	MaxPayload int64
}

// Encode returns the data as JSON, with times in milliseconds.
func (h *Handshake) Encode() []byte {
	data, err := json.Marshal(struct {
		SessionID    string   `json:"sid"`
		Upgrades     []string `json:"upgrades"`
		PingInterval int64    `json:"pingInterval"`
		PingTimeout  int64    `json:"pingTimeout"`
		MaxPayload   int64    `json:"maxPayload"`
	}{h.SessionID, h.Upgrades, h.PingInterval.Milliseconds(), h.PingTimeout.Milliseconds(), h.MaxPayload})
	if err != nil { // strings and integers
		panic(err)
	}
	return data
}

// ParseUpgrade returns the id of the session for which a WebTransport stream was opened, from the
// data of the first packet: {"sid":"…"}.
func ParseUpgrade(data []byte) (sessionID string, err error) {
	var open struct {
		SessionID string `json:"sid"`
	}
	if err := json.Unmarshal(data, &open); err != nil {
		return "", fmt.Errorf("parse open packet: %w", err)
	}
	return open.SessionID, nil
}
