// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// The types of Engine.IO's packets that matter here, and of Socket.IO's within a message.
const (
	EnginePing    = '2'
	EnginePong    = "3"
	EngineClose   = '1'
	EngineMessage = '4'

	PacketConnect      = '0'
	PacketDisconnect   = '1'
	PacketEvent        = '2'
	PacketAck          = '3'
	PacketConnectError = '4'
)

// Handshake is the body of Engine.IO's open packet. Times are in milliseconds.
type Handshake struct {
	SID          string `json:"sid"`
	PingInterval int64  `json:"pingInterval"`
	PingTimeout  int64  `json:"pingTimeout"`
}

func parseOpen(packet string) (Handshake, error) {
	var h Handshake
	if !strings.HasPrefix(packet, "0") {
		return h, fmt.Errorf("the first packet is %q, not an open packet", packet)
	}
	if err := json.Unmarshal([]byte(packet[1:]), &h); err != nil {
		return h, fmt.Errorf("read the open packet %q: %w", packet, err)
	}
	return h, nil
}

// ConnectPacket joins the main namespace. A pid asks for recovery; without an offset, as a client
// that never got an event has none, the key is left out, like JSON.stringify does with undefined.
func ConnectPacket(pid string, offset *string) string {
	if pid == "" {
		return "40"
	}
	body, _ := json.Marshal(struct { // two strings cannot fail
		PID    string  `json:"pid"`
		Offset *string `json:"offset,omitempty"`
	}{pid, offset})
	return "40" + string(body)
}

// Message is what is said in a room. No argument is a string: only an offset can be the last string
// of an event.
type Message struct {
	Room      int `json:"r"`
	Publisher int `json:"p"`
	Seq       int `json:"n"`
	Attempt   int `json:"a"`
	Phase     int `json:"f"`
	// Padding is how many bytes it has beyond these.
	Padding int `json:"-"`
}

// Payload is the message as JSON.
func (m Message) Payload() string {
	padding := ""
	if m.Padding > 0 {
		padding = `,"x":"` + strings.Repeat("x", m.Padding) + `"`
	}
	return fmt.Sprintf(`{"r":%d,"p":%d,"n":%d,"a":%d,"f":%d%s}`, m.Room, m.Publisher, m.Seq, m.Attempt, m.Phase, padding)
}

// Event is what the message is emitted as. What is announced goes to a second room too, which is
// empty: events for several rooms may take another way.
func (m Message) Event() string {
	if m.Room%2 == 1 {
		return "announce"
	}
	return "say"
}

// RoomName is the name of a room by its number.
func RoomName(room int) string { return "room " + strconv.Itoa(room) }

// JoinPacket asks to be in a room; id is that of its acknowledgement.
func JoinPacket(id, room int) string {
	return fmt.Sprintf(`42%d["join",%q]`, id, RoomName(room))
}

// SayPacket emits a message; id is that of its acknowledgement.
func SayPacket(id int, m Message) string {
	return fmt.Sprintf(`42%d[%q,%q,%s]`, id, m.Event(), RoomName(m.Room), m.Payload())
}

// Event is an event that a server sent.
type Event struct {
	Name string
	Args []json.RawMessage
}

// LastString is what the client takes for the offset: the last argument, if it is a string.
func (e Event) LastString() (string, bool) {
	if len(e.Args) == 0 {
		return "", false
	}
	var s string
	if err := json.Unmarshal(e.Args[len(e.Args)-1], &s); err != nil {
		return "", false
	}
	return s, true
}

// ParseEvent reads the rest of an EVENT packet. An id before the list asks for an acknowledgement,
// which the services here never do.
func ParseEvent(rest string) (Event, error) {
	_, list := splitID(rest)
	var args []json.RawMessage
	if err := json.Unmarshal([]byte(list), &args); err != nil {
		return Event{}, fmt.Errorf("read event %q: %w", rest, err)
	}
	if len(args) == 0 {
		return Event{}, fmt.Errorf("event %q has no name", rest)
	}
	e := Event{Args: args[1:]}
	if err := json.Unmarshal(args[0], &e.Name); err != nil {
		return Event{}, fmt.Errorf("read the name of event %q: %w", rest, err)
	}
	return e, nil
}

// Handled is how the services here acknowledge what they have done.
const Handled = `["ok"]`

// ParseAck reads the rest of an ACK packet: its id, and the answer.
func ParseAck(rest string) (id int, answer string, err error) {
	digits, answer := splitID(rest)
	id, err = strconv.Atoi(digits)
	if err != nil {
		return 0, "", fmt.Errorf("read the id of acknowledgement %q: %w", rest, err)
	}
	return id, answer, nil
}

func splitID(s string) (digits, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}
