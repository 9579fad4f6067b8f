// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// The types of Engine.IO's packets that matter here, and of Socket.IO's within a message.
const (
	enginePing    = '2'
	enginePong    = "3"
	engineClose   = '1'
	engineMessage = '4'

	packetConnect      = '0'
	packetDisconnect   = '1'
	packetEvent        = '2'
	packetAck          = '3'
	packetConnectError = '4'
)

// handshake is the body of Engine.IO's open packet. Times are in milliseconds.
type handshake struct {
	SID          string `json:"sid"`
	PingInterval int64  `json:"pingInterval"`
	PingTimeout  int64  `json:"pingTimeout"`
}

func parseOpen(packet string) (handshake, error) {
	var h handshake
	if !strings.HasPrefix(packet, "0") {
		return h, fmt.Errorf("the first packet is %q, not an open packet", packet)
	}
	if err := json.Unmarshal([]byte(packet[1:]), &h); err != nil {
		return h, fmt.Errorf("read the open packet %q: %w", packet, err)
	}
	return h, nil
}

// connectPacket joins the main namespace. A pid asks for recovery; without an offset, as a client that never got an
// event has none, the key is left out, like JSON.stringify does with undefined.
func connectPacket(pid string, offset *string) string {
	if pid == "" {
		return "40"
	}
	body, _ := json.Marshal(struct { // two strings cannot fail
		PID    string  `json:"pid"`
		Offset *string `json:"offset,omitempty"`
	}{pid, offset})
	return "40" + string(body)
}

// message is what is said in a room. No argument is a string: only an offset can be the last string of an event.
type message struct {
	Room      int `json:"r"`
	Publisher int `json:"p"`
	Seq       int `json:"n"`
	Attempt   int `json:"a"`
	Phase     int `json:"f"`
	// Padding is how many bytes it has beyond these.
	Padding int `json:"-"`
}

// payload is the message as JSON.
func (m message) payload() string {
	padding := ""
	if m.Padding > 0 {
		padding = `,"x":"` + strings.Repeat("x", m.Padding) + `"`
	}
	return fmt.Sprintf(`{"r":%d,"p":%d,"n":%d,"a":%d,"f":%d%s}`, m.Room, m.Publisher, m.Seq, m.Attempt, m.Phase, padding)
}

// event is what the message is emitted as. What is announced goes to a second room too, which is empty:
// events for several rooms may take another way.
func (m message) event() string {
	if m.Room%2 == 1 {
		return "announce"
	}
	return "say"
}

func roomName(room int) string { return "room " + strconv.Itoa(room) }

func joinPacket(id, room int) string {
	return fmt.Sprintf(`42%d["join",%q]`, id, roomName(room))
}

func sayPacket(id int, m message) string {
	return fmt.Sprintf(`42%d[%q,%q,%s]`, id, m.event(), roomName(m.Room), m.payload())
}

// event is one that a server sent.
type event struct {
	name string
	args []json.RawMessage
}

// lastString is what the client takes for the offset: the last argument, if it is a string.
func (e event) lastString() (string, bool) {
	if len(e.args) == 0 {
		return "", false
	}
	var s string
	if err := json.Unmarshal(e.args[len(e.args)-1], &s); err != nil {
		return "", false
	}
	return s, true
}

// parseEvent reads the rest of an EVENT packet. An id before the list asks for an acknowledgement, which the services
// here never do.
func parseEvent(rest string) (event, error) {
	_, list := splitID(rest)
	var args []json.RawMessage
	if err := json.Unmarshal([]byte(list), &args); err != nil {
		return event{}, fmt.Errorf("read event %q: %w", rest, err)
	}
	if len(args) == 0 {
		return event{}, fmt.Errorf("event %q has no name", rest)
	}
	e := event{args: args[1:]}
	if err := json.Unmarshal(args[0], &e.name); err != nil {
		return event{}, fmt.Errorf("read the name of event %q: %w", rest, err)
	}
	return e, nil
}

// handled is how the services here acknowledge what they have done.
const handled = `["ok"]`

// parseAck reads the rest of an ACK packet: its id, and the answer.
func parseAck(rest string) (id int, answer string, err error) {
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
