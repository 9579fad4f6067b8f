// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"encoding/json"
	"strings"
	"testing"
)

// Guest is a client of the main namespace that can come back: it keeps what stock clients keep. Not
// safe for concurrent use.
type Guest struct {
	T *testing.T
	// Wire is its connection, of now or of before.
	Wire *Client
	// SID and PID are those of its socket, Offset its word for what it has got.
	SID, PID, Offset string
	// Token is what it gives as its auth's token; none if empty.
	Token string
}

// Ask sends CONNECT by a new connection, for the session that there was if there was one.
func (g *Guest) Ask(url, path string) {
	g.T.Helper()
	fields := map[string]string{"pid": g.PID, "offset": g.Offset}
	if g.Token != "" {
		fields["token"] = g.Token
	}
	auth, err := json.Marshal(fields)
	if err != nil {
		g.T.Fatal(err)
	}
	g.Wire = Dial(g.T, url, path, "", nil)
	g.Wire.Send("40" + string(auth))
}

// Answer takes the answer to CONNECT, which comes before all events.
func (g *Guest) Answer() (recovered bool) {
	g.T.Helper()
	packet := g.Wire.Receive()
	body, answered := strings.CutPrefix(packet, "40")
	var reply struct{ SID, PID string }
	if err := json.Unmarshal([]byte(body), &reply); !answered || err != nil || reply.PID == "" {
		g.T.Fatalf("answer to CONNECT: %s", packet)
	}
	recovered = g.PID == reply.PID
	if recovered != (g.SID == reply.SID) {
		g.T.Errorf("pid %s, was %s; sid %s, was %s", reply.PID, g.PID, reply.SID, g.SID)
	}
	g.SID, g.PID = reply.SID, reply.PID
	return recovered
}

// Take notes the offset of an event, and returns the event's list without it, and its attachment
// behind that if it has one.
func (g *Guest) Take(packet string) string {
	g.T.Helper()
	var args []json.RawMessage
	prefix, list, _ := strings.Cut(packet, "[")
	if prefix != "42" && prefix != "451-" {
		g.T.Fatalf("packet %s is no event", packet)
	}
	if err := json.Unmarshal([]byte("["+list), &args); err != nil {
		g.T.Fatalf("event %s: %v", packet, err)
	}
	if err := json.Unmarshal(args[len(args)-1], &g.Offset); err != nil {
		g.T.Fatalf("%s does not end with an offset", packet)
	}
	rest, err := json.Marshal(args[:len(args)-1])
	if err != nil {
		g.T.Fatal(err)
	}
	if prefix == "451-" {
		return string(rest) + g.Wire.Receive()
	}
	return string(rest)
}

// Expect wants these events next.
func (g *Guest) Expect(events ...string) {
	g.T.Helper()
	for _, want := range events {
		if got := g.Take(g.Wire.Receive()); got != want {
			g.T.Fatalf("received %s, want %s", got, want)
		}
	}
}
