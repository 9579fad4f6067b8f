// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Event is an event that a client has received.
type Event struct {
	Name string
	// Args are in the form of encoding/json, with json.Number for numbers and []byte for binary
	// data. The offset by which clients ask for what they have missed is not among them.
	Args []any
	// ack is the number of the acknowledgement that the server waits for; -1 for none.
	ack int
}

// Client is a Socket.IO client over a websocket, in one namespace. What it does not receive it does
// not make up: it neither reconnects nor repeats anything. It is used by one goroutine.
type Client struct {
	namespace string
	// since is when the service has started.
	since   time.Time
	conn    *websocket.Conn
	pipe    *pipe
	ended   chan struct{} // closed when the reader has ended
	writing sync.Mutex

	mu sync.Mutex
	// changed is closed, and replaced, when something arrives. All below is guarded by mu.
	changed   chan struct{}
	id, pid   string
	offset    string
	refusal   *Refusal
	connected bool
	left      string // why it is not connected any more
	events    []Event
	acks      map[int][]any
	asked     int // the number of acknowledgements asked for

	// partial is an event whose attachments have not all arrived; the reader's own.
	partial *packet
}

// Await waits until something is true that arrives, or the time is over. The function is called
// while nothing arrives.
func (c *Client) Await(within time.Duration, is func() bool) bool {
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	for {
		Settle()
		c.mu.Lock()
		done, changed := is(), c.changed
		c.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-timeout.C:
			return false
		}
	}
}

// ID is the socket's id; PID and Offset are by what a later visit asks for the session.
func (c *Client) ID() string { return c.id }

// PID is the private id of the session; empty if the service recovers none.
func (c *Client) PID() string { return c.pid }

// Offset is what the client has received of its session.
func (c *Client) Offset() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

// Left says why the client is not connected any more; empty while it is.
func (c *Client) Left() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left
}

// Emit sends an event. With an acknowledgement wanted, it returns its number.
func (c *Client) Emit(event string, args []any, ack bool) (number int, err error) {
	number = -1
	if ack {
		c.asked++
		number = c.asked
	}
	return number, c.send(&packet{kind: packetEvent, namespace: c.namespace, id: number, data: append([]any{event}, args...)})
}

// Ack waits for an acknowledgement.
func (c *Client) Ack(number int, within time.Duration) (args []any, ok bool) {
	ok = c.Await(within, func() bool { args, ok = c.acks[number]; return ok || c.left != "" })
	return args, ok && args != nil
}

// Answer acknowledges an event.
func (c *Client) Answer(e Event, args []any) error {
	if e.ack < 0 {
		return fmt.Errorf("the service does not ask for an acknowledgement of %s", e.Name)
	}
	return c.send(&packet{kind: packetAck, namespace: c.namespace, id: e.ack, data: args})
}

// Take removes the first event with a name, of those that have arrived, and returns it; without a
// name, the first of all.
func (c *Client) Take(name string) (Event, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.events {
		if name == "" || e.Name == name {
			c.events = append(c.events[:i:i], c.events[i+1:]...)
			return e, true
		}
	}
	return Event{}, false
}

// Has reports whether an event with a name has arrived, within Await.
func (c *Client) Has(name string) bool {
	for _, e := range c.events {
		if name == "" || e.Name == name {
			return true
		}
	}
	return false
}

// Waiting are the events that have arrived and were not taken.
func (c *Client) Waiting() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Event{}, c.events...)
}

// Gone reports whether the client is not connected any more, within Await.
func (c *Client) Gone() bool { return c.left != "" }

// Leave leaves the namespace, as socket.disconnect() does.
func (c *Client) Leave() error {
	err := c.send(&packet{kind: packetDisconnect, namespace: c.namespace, id: -1})
	c.end("it has left")
	return err
}

// Close closes the connection without a word, as a killed client does.
func (c *Client) Close() {
	c.end("it has closed the connection")
	c.conn.Close()
}

// Vanish loses the network: the connection stays open, and nothing goes over it.
func (c *Client) Vanish() {
	c.end("it has lost the network")
	c.pipe.silent.Store(true)
}

func (c *Client) end(why string) {
	c.change(func() {
		c.connected = false
		if c.left == "" {
			c.left = why
		}
	})
}

// change changes what is guarded by mu, and tells it.
func (c *Client) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}
