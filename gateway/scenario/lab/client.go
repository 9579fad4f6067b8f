// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Visit is how a client connects.
type Visit struct {
	// Gateway is the number of the gateway, from 1; 0: any.
	Gateway   int
	Namespace string
	// Auth is the auth payload; nil for none.
	Auth   map[string]any
	Query  url.Values
	Header http.Header
	// Address is the client's IP address; empty: 127.0.0.1.
	Address string
	// PID and Offset are those of the session that the client wants to have back; see Client.
	PID, Offset string
}

// Refusal is why a client is not let in: a connect_error, or an answer to its first request.
type Refusal struct {
	// Status is that of the HTTP answer; 0 for a connect_error.
	Status  int
	Message string
	// Code is that in the data of a connect_error; empty if there is none.
	Code string
}

func (r *Refusal) Error() string {
	if r.Status != 0 {
		return fmt.Sprintf("HTTP %d, %q", r.Status, r.Message)
	}
	return fmt.Sprintf("connect_error %q, code %q", r.Message, r.Code)
}

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

// firstAnswerWithin bounds the wait for the answer to CONNECT, by the clock of the bubble.
const firstAnswerWithin = time.Minute

// Connect connects a client. The error is a *Refusal if the service does not want it.
func (l *Lab) Connect(v Visit) (*Client, error) {
	s, err := l.at(v.Gateway)
	if err != nil {
		return nil, err
	}
	c := &Client{namespace: v.Namespace, since: l.started, ended: make(chan struct{}), changed: make(chan struct{}), acks: map[int][]any{}}
	if err := c.dial(s, v); err != nil {
		return nil, err
	}
	l.clients = append(l.clients, c)
	go c.read()
	if err := c.enter(v); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) dial(s *station, v Visit) error {
	query := url.Values{}
	for name, values := range v.Query {
		query[name] = values
	}
	query.Set("EIO", "4")
	query.Set("transport", "websocket")
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		address := *here
		if v.Address != "" {
			address.IP = net.ParseIP(v.Address)
		}
		if _, err := s.clients.connect(theirs, &address); err != nil {
			return nil, err
		}
		c.pipe = &pipe{Conn: ours, remote: here}
		return c.pipe, s.door.enter(ctx, &pipe{Conn: theirs, remote: &address})
	}}
	u := url.URL{Scheme: "ws", Host: "localhost", Path: s.Path(), RawQuery: query.Encode()}
	conn, answer, err := dialer.Dial(u.String(), v.Header) //nolint:bodyclose // the library has read what it keeps of it
	if errors.Is(err, websocket.ErrBadHandshake) {
		return refusalOf(answer)
	}
	if err != nil {
		return fmt.Errorf("connect a client: %w", err)
	}
	c.conn = conn
	return nil
}

// refusalOf reads the answer to a first request: {"code": 4, "message": "…"}.
func refusalOf(answer *http.Response) *Refusal {
	body, _ := io.ReadAll(answer.Body) // the library keeps what there is of it
	var told struct{ Message string }
	if json.Unmarshal(body, &told) != nil {
		told.Message = strings.TrimSpace(string(body))
	}
	return &Refusal{Status: answer.StatusCode, Message: told.Message}
}

// enter asks for the namespace.
func (c *Client) enter(v Visit) error {
	auth := map[string]any{}
	for name, value := range v.Auth {
		auth[name] = value
	}
	if v.PID != "" {
		auth["pid"], auth["offset"] = v.PID, v.Offset
	}
	var data any
	if len(auth) > 0 {
		data = auth
	}
	if err := c.send(&packet{kind: packetConnect, namespace: c.namespace, id: -1, data: data}); err != nil {
		return err
	}
	answered := c.Await(firstAnswerWithin, func() bool { return c.connected || c.refusal != nil || c.left != "" })
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.refusal != nil:
		return c.refusal
	case !answered:
		return errors.New("the service does not answer CONNECT")
	case !c.connected:
		return fmt.Errorf("the connection ends before CONNECT is answered: %s", c.left)
	}
	return nil
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

func (c *Client) send(p *packet) error {
	text, attachments, err := p.encode()
	if err != nil {
		return err
	}
	if err := c.write(websocket.TextMessage, text); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	for _, a := range attachments {
		if err := c.write(websocket.BinaryMessage, a); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}

func (c *Client) write(kind int, data []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.conn.WriteMessage(kind, data)
}

// read takes what arrives until the connection ends.
func (c *Client) read() {
	defer close(c.ended)
	for {
		kind, data, err := c.conn.ReadMessage()
		if err == nil {
			err = c.message(kind, data)
		}
		if err != nil {
			c.end("the connection has ended")
			c.conn.Close()
			return
		}
	}
}

// Engine.IO's packets.
const (
	enginePing    = "2"
	enginePong    = "3"
	engineMessage = '4'
)

func (c *Client) message(kind int, data []byte) error {
	switch {
	case kind == websocket.BinaryMessage:
		return c.attachment(data)
	case string(data) == enginePing:
		return c.write(websocket.TextMessage, []byte(enginePong))
	case len(data) == 0 || data[0] != engineMessage:
		return nil
	}
	p, err := decodePacket(data[1:])
	if err != nil {
		return err
	}
	if p.missing > 0 {
		c.partial = p
		return nil
	}
	return c.packet(p)
}

func (c *Client) attachment(data []byte) error {
	if c.partial == nil {
		return errors.New("an attachment comes without an event")
	}
	p := c.partial
	p.attachments = append(p.attachments, bytes.Clone(data))
	if len(p.attachments) < p.missing {
		return nil
	}
	c.partial = nil
	p.data = restoreAttachments(p.data, p.attachments)
	return c.packet(p)
}

func (c *Client) packet(p *packet) error {
	if p.namespace != c.namespace {
		return nil
	}
	object, _ := p.data.(map[string]any)
	list, _ := p.data.([]any)
	switch p.kind {
	case packetConnect:
		c.change(func() {
			c.connected = true
			c.id, _ = object["sid"].(string)
			c.pid, _ = object["pid"].(string)
		})
	case packetConnectError:
		c.change(func() { c.refusal = connectError(object) })
	case packetDisconnect:
		c.end("the service has disconnected it")
	case packetAck:
		c.change(func() { c.acks[p.id] = append([]any{}, list...) })
	case packetEvent:
		c.event(list, p.id)
	}
	return nil
}

func connectError(object map[string]any) *Refusal {
	r := &Refusal{}
	r.Message, _ = object["message"].(string)
	if data, ok := object["data"].(map[string]any); ok {
		r.Code, _ = data["code"].(string)
	}
	return r
}

func (c *Client) event(list []any, ack int) {
	if len(list) == 0 {
		return
	}
	name, _ := list[0].(string)
	args := list[1:]
	c.change(func() {
		if offset, ok := c.offsetOf(args, ack); ok {
			c.offset, args = offset, args[:len(args)-1]
		}
		c.events = append(c.events, Event{name, args, ack})
	})
}

// offsetOf returns the offset of an event, a string behind its arguments, if sessions are
// recovered. An event that wants to be acknowledged has none.
func (c *Client) offsetOf(args []any, ack int) (string, bool) {
	if c.pid == "" || ack >= 0 || len(args) == 0 {
		return "", false
	}
	last, ok := args[len(args)-1].(string)
	return last, ok && isOffset(last, c.since, time.Now())
}
