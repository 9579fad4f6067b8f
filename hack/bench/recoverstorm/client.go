// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// path is where clients connect to.
const path = "/socket.io/?EIO=4&transport=websocket"

const (
	// attemptTimeout is the stock client's default for an attempt to connect.
	attemptTimeout = 20 * time.Second
	// silence is for how long it hears nothing before it gives a connection up: a ping's interval
	// and timeout.
	silence = 45 * time.Second
)

// said begins an event of the storm; digits of its number follow.
const (
	said   = `42["said","`
	digits = 8
)

// client is one websocket connection, of now or of before. It is for one goroutine at a time.
type client struct {
	conn     *websocket.Conn
	sid, pid string
	// next is the number of the next event.
	next int
	// refused is how many attempts to come back have failed.
	refused int
}

// connect opens a session and joins the main namespace.
func connect(ctx context.Context, address string) (*client, error) {
	c := &client{}
	return c, c.dial(ctx, address)
}

// dial connects, as the socket that there was if there was one.
func (c *client) dial(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	conn, resp, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+address+path, nil)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	resp.Body.Close()
	c.conn = conn
	if err := c.join(); err != nil {
		conn.Close()
		return err
	}
	return nil
}

func (c *client) join() error {
	auth := ""
	if c.pid != "" {
		auth = `{"pid":"` + c.pid + `"}`
	}
	if _, err := c.receive(); err != nil { // the open packet
		return err
	}
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte("40"+auth)); err != nil {
		return fmt.Errorf("send CONNECT: %w", err)
	}
	answer, err := c.await("40")
	if err != nil {
		return err
	}
	var ids struct{ SID, PID string }
	if err := json.Unmarshal(answer[2:], &ids); err != nil {
		return fmt.Errorf("read the answer to CONNECT: %w", err)
	}
	if c.pid != "" && c.sid != ids.SID {
		return errNotRecovered
	}
	c.sid, c.pid = ids.SID, ids.PID
	return nil
}

var errNotRecovered = errors.New("a client is not recovered")

// ask sends an event, and waits for its acknowledgement.
func (c *client) ask(event string) error {
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte("421"+event)); err != nil {
		return fmt.Errorf("send %s: %w", event, err)
	}
	_, err := c.await("431")
	return err
}

// await takes events until there is a packet that begins so. Events come before the answer to
// CONNECT from d35c2bb and before.
func (c *client) await(prefix string) ([]byte, error) {
	for {
		packet, err := c.receive()
		if err != nil || bytes.HasPrefix(packet, []byte(prefix)) {
			return packet, err
		}
		if err := c.take(packet); err != nil {
			return nil, err
		}
	}
}

// take counts an event. One that has come before, on a connection that was lost, does not count.
func (c *client) take(packet []byte) error {
	rest, ok := bytes.CutPrefix(packet, []byte(said))
	if !ok || len(rest) < digits {
		return nil
	}
	n, err := strconv.Atoi(string(rest[:digits]))
	switch {
	case err != nil:
		return fmt.Errorf("event %.40s: %w", packet, err)
	case n > c.next:
		return fmt.Errorf("event %d is missing: %d comes next", c.next, n)
	case n == c.next:
		c.next++
	}
	return nil
}

// receive is the next packet that is no ping, which it answers.
func (c *client) receive() ([]byte, error) {
	for {
		if err := c.conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return nil, fmt.Errorf("receive: %w", err)
		}
		_, packet, err := c.conn.ReadMessage()
		if err != nil {
			return nil, fmt.Errorf("receive: %w", err)
		}
		if len(packet) > 1 {
			return packet, nil
		}
		if err := c.conn.WriteMessage(websocket.TextMessage, []byte("3")); err != nil {
			return nil, fmt.Errorf("send a pong: %w", err)
		}
	}
}

// comeBack returns when the client has come back and has got so many events.
func (c *client) comeBack(ctx context.Context, address string, missed int, random *rand.Rand) error {
	const first, longest = time.Second, 5 * time.Second
	c.conn.Close()
	for wait := first; ; wait = min(2*wait, longest) {
		select {
		case <-time.After(wait/2 + time.Duration(random.Int64N(int64(wait)))):
		case <-ctx.Done():
			return ctx.Err()
		}
		err := c.dial(ctx, address)
		for err == nil && c.next < missed {
			var packet []byte
			if packet, err = c.receive(); err == nil {
				err = c.take(packet)
			}
		}
		if err == nil || errors.Is(err, errNotRecovered) {
			return err
		}
		c.refused++
	}
}
