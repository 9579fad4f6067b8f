// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	path = "/socket.io/?EIO=4&transport=websocket"
	// patience bounds the wait for anything that must come.
	patience = 60 * time.Second
)

var (
	errRefused = errors.New("it is refused")
	errMixed   = errors.New("an event is handled by two revisions")
)

// client is connected, and talks from one goroutine, while another one reads.
type client struct {
	conn  *websocket.Conn
	level int
	// writing is held to write: answers to pings are of the reader.
	writing sync.Mutex
	// answers are of what the client has sent last.
	answers chan string
	// lost is closed when the connection is, and told when the client is told to leave the floor.
	lost, told chan struct{}
	// forbidden and ticks are how often the client was told to leave the floor, and what it has
	// heard there.
	forbidden, ticks atomic.Int32
	said             int
}

// dial connects a client with a token. The error wraps errRefused and the refusal of the namespace.
func dial(ctx context.Context, address, token string, level int) (*client, error) {
	conn, resp, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+address+path, nil)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	resp.Body.Close()
	c := &client{conn: conn, level: level, answers: make(chan string, 8), lost: make(chan struct{}), told: make(chan struct{})}
	if err := c.join(token); err != nil {
		conn.Close()
		return nil, err
	}
	go c.read()
	return c, nil
}

func (c *client) join(token string) error {
	if err := c.write(`40{"token":"` + token + `"}`); err != nil {
		return err
	}
	for {
		_, packet, err := c.conn.ReadMessage()
		switch text := string(packet); {
		case err != nil:
			return fmt.Errorf("join: %w", err)
		case strings.HasPrefix(text, "40"):
			return nil
		case strings.HasPrefix(text, "44"):
			return fmt.Errorf("%w: %s", errRefused, text)
		}
	}
}

func (c *client) write(packet string) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.conn.WriteMessage(websocket.TextMessage, []byte(packet))
}

// read sorts what comes until the connection ends.
func (c *client) read() {
	defer close(c.lost)
	for {
		_, packet, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		switch text := string(packet); {
		case text == "2":
			if c.write("3") != nil {
				return
			}
		case strings.HasSuffix(text, `["sure"]`): // 42, and the number of the answer that is wanted
			if c.write("43"+strings.TrimSuffix(text[2:], `["sure"]`)+"[]") != nil {
				return
			}
		case strings.HasPrefix(text, `42["forbidden"`):
			if c.forbidden.Add(1) == 1 {
				close(c.told)
			}
		case strings.HasPrefix(text, `42["tick"`):
			c.ticks.Add(1)
		default:
			c.answers <- text
		}
	}
}

// close ends the connection, and waits for the reader, for which nothing may be left.
func (c *client) close() {
	c.conn.Close()
	for {
		select {
		case <-c.answers:
		case <-c.lost:
			return
		}
	}
}

// next is the next answer.
func (c *client) next(ctx context.Context) (string, error) {
	select {
	case answer := <-c.answers:
		return answer, nil
	case <-c.lost:
		return "", errors.New("the connection is lost")
	case <-ctx.Done():
		return "", fmt.Errorf("wait for an answer: %w", context.Cause(ctx))
	}
}

// ask sends an event without arguments, and wants an answer.
func (c *client) ask(ctx context.Context, event, want string) error {
	if err := c.write(`429["` + event + `"]`); err != nil {
		return err
	}
	answer, err := c.next(ctx)
	if err != nil {
		return err
	}
	if want = `439["` + want + `"]`; answer != want {
		return fmt.Errorf("%s is answered %s", event, answer)
	}
	return nil
}

// say sends an event, and returns the revision that has handled it. It fails if that were two.
func (c *client) say(ctx context.Context) (revision int, err error) {
	c.said++
	if err := c.write(fmt.Sprintf(`421["say",%d]`, c.said)); err != nil {
		return 0, err
	}
	var said [3]int
	for i, prefix := range []string{`42["first",`, `431[`, `42["second",`} {
		answer, err := c.next(ctx)
		if err != nil {
			return 0, err
		}
		if said[i], err = c.heard(answer, prefix); err != nil {
			return 0, err
		}
	}
	if said[0] != said[1] || said[1] != said[2] {
		return 0, fmt.Errorf("%w: %v", errMixed, said)
	}
	return said[0], nil
}

// heard returns the revision of one of the three things that come of an event.
func (c *client) heard(answer, prefix string) (revision int, err error) {
	rest, ok := strings.CutPrefix(answer, prefix)
	var numbers []json.RawMessage
	if !ok || json.Unmarshal([]byte("["+rest), &numbers) != nil || len(numbers) < 2 || string(numbers[0]) != fmt.Sprint(c.said) {
		return 0, fmt.Errorf("an event is answered %s", answer)
	}
	if err := json.Unmarshal(numbers[1], &revision); err != nil {
		return 0, fmt.Errorf("an event is answered %s: %w", answer, err)
	}
	if stored := fmt.Sprintf(`"%d"`, revision); len(numbers) > 2 && string(numbers[2]) != stored {
		return 0, fmt.Errorf("%w: %s", errMixed, answer)
	}
	return revision, nil
}
