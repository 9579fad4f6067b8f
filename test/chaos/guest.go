// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/protocol"
)

// guest is a stock client in a process of its own, a member of a room like the others, where it
// also publishes. Its process reconnects; a guest emits again what is not acknowledged in time.
// Only say and joined are for others than run's goroutine.
type guest struct {
	world  *world
	id     int
	room   int
	kind   kind
	orders io.Writer
	outbox outbox

	// joined is whether the client is connected and in its room.
	joined atomic.Bool

	// The rest is run's own.
	session   string // its socket's id; empty until it has been connected
	connected bool
	inRoom    bool // of the session: its join was acknowledged
	tag       int  // of the last order
	join      int  // the tag of the join that waits for its acknowledgement; 0 if none does
	sent      int  // the tag of the publication that does; 0 if none does
	again     *time.Timer
}

// guestEvent is what a guest's process tells. Exactly one of the first four is there.
type guestEvent struct {
	Connected    *string           `json:"connected"`
	Disconnected *string           `json:"disconnected"`
	Said         *protocol.Message `json:"said"`
	Tag          int               `json:"tag"`
	Answer       json.RawMessage   `json:"answer"`
	Recovered    bool              `json:"recovered"`
}

// say publishes a message once those before it are acknowledged.
func (g *guest) say(m protocol.Message) { g.outbox.put(m) }

// run follows what the client's process tells, until that ends.
func (g *guest) run(told io.Reader) error {
	events := make(chan guestEvent, 16)
	var readErr error // of the reader until events is closed
	go func() {
		defer close(events)
		lines := bufio.NewScanner(told)
		lines.Buffer(nil, protocol.MaxPacket)
		for lines.Scan() {
			var e guestEvent
			if readErr = json.Unmarshal(lines.Bytes(), &e); readErr != nil {
				readErr = fmt.Errorf("read what a stock client tells, %q: %w", lines.Text(), readErr)
				return
			}
			events <- e
		}
		readErr = lines.Err()
	}()
	g.again = time.NewTimer(g.world.ackTimeout)
	g.again.Stop()
	defer g.again.Stop()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return readErr
			}
			g.take(e)
		case <-g.outbox.wake:
			g.publish(false)
		case <-g.again.C:
			g.repeat()
		}
	}
}

func (g *guest) take(e guestEvent) {
	switch {
	case e.Connected != nil:
		g.onConnect(*e.Connected, e.Recovered)
	case e.Disconnected != nil:
		g.connected = false
		g.joined.Store(false)
		g.join, g.sent = 0, 0
	case e.Said != nil:
		g.world.ledger.Arrived(g.id, *e.Said)
	case e.Tag != 0:
		g.onAck(e.Tag, string(e.Answer))
	}
}

// onConnect notes what a client of its kind may expect: one that recovers has missed nothing, if it
// was recovered, and the others miss what is emitted while they are away.
func (g *guest) onConnect(session string, recovered bool) {
	g.world.ledger.Opened(g.id)
	if g.session != "" && g.kind.recovers {
		g.world.ledger.Asked(g.id, recovered)
	} else if g.session != "" {
		g.world.ledger.Told(g.id)
	}
	g.session, g.connected = session, true
	g.inRoom = g.inRoom && recovered
	if g.inRoom {
		g.isJoined()
		g.publish(true)
		return
	}
	g.repeat()
}

func (g *guest) isJoined() {
	g.world.ledger.Joined(g.id)
	g.joined.Store(true)
}

func (g *guest) onAck(tag int, answer string) {
	if answer != handledAnswer {
		if tag == g.sent || tag == g.join {
			g.world.ledger.Refused(g.id, answer)
			g.outbox.shorten()
			g.again.Reset(refusedAgain)
		}
		return
	}
	switch tag {
	case g.join:
		g.join, g.inRoom = 0, true
		g.isJoined()
	case g.sent:
		g.sent = 0
		g.world.ledger.Acked(g.outbox.take())
		g.publish(false)
	}
	if g.join == 0 && g.sent == 0 {
		g.again.Stop()
	}
}

// repeat orders what is not acknowledged.
func (g *guest) repeat() {
	if !g.connected {
		return
	}
	if !g.inRoom {
		g.join = g.order("join", protocol.RoomName(g.room))
	}
	g.publish(true)
}

// publish emits the first message of the outbox, one at a time, and by force the same again.
func (g *guest) publish(force bool) {
	if !g.connected || g.sent != 0 && !force {
		return
	}
	m, ok := g.outbox.first()
	if !ok {
		return
	}
	g.world.ledger.Emitted(m)
	g.sent = g.order(m.Event(), protocol.RoomName(m.Room), json.RawMessage(m.Payload()))
}

// order has the process emit an event. If it has ended, run learns so.
func (g *guest) order(event string, args ...any) int {
	g.tag++
	g.again.Reset(g.world.ackTimeout)
	line, err := json.Marshal(map[string]any{"event": event, "args": args, "tag": g.tag})
	if err != nil { // strings, numbers, and JSON of ours
		panic(err)
	}
	_, _ = g.orders.Write(append(line, '\n'))
	return g.tag
}
