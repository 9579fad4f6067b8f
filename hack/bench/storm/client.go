// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// path is where clients connect to.
	path = "/socket.io/?EIO=4&transport=websocket"
	// connectTimeout is the stock client's default for an attempt.
	connectTimeout = 20 * time.Second
)

// outcome is what became of an attempt to come back.
type outcome struct {
	at       time.Time
	accepted bool
}

// crowd are the clients of one gateway.
type crowd struct {
	there    string // the gateway that is left
	outcomes chan outcome
}

// client is one of them, and used by one goroutine.
type client struct {
	crowd   *crowd
	conn    *websocket.Conn
	backoff backoff
}

// dial opens a session and joins the main namespace.
func (c *client) dial(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, resp, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+address+path, nil)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	resp.Body.Close()
	if err := conn.SetReadDeadline(time.Now().Add(connectTimeout)); err != nil {
		conn.Close()
		return fmt.Errorf("join: %w", err)
	}
	if err := conn.WriteMessage(websocket.TextMessage, []byte("40")); err != nil {
		conn.Close()
		return fmt.Errorf("join: %w", err)
	}
	for range 2 { // the open packet, and the answer to CONNECT
		if _, _, err := conn.ReadMessage(); err != nil {
			conn.Close()
			return fmt.Errorf("join: %w", err)
		}
	}
	c.conn = conn
	return conn.SetReadDeadline(time.Time{})
}

// stay is there until the connection is lost, and comes back, once: then it stays until the context
// ends.
func (c *client) stay(ctx context.Context) {
	c.listen(ctx)
	for ctx.Err() == nil {
		select {
		case <-time.After(c.backoff.next()):
		case <-ctx.Done():
			return
		}
		err := c.dial(ctx, c.crowd.there)
		select {
		case c.crowd.outcomes <- outcome{time.Now(), err == nil}:
		case <-ctx.Done():
		}
		if err == nil {
			c.listen(ctx)
			return
		}
	}
}

// listen answers pings until the connection or the context ends.
func (c *client) listen(ctx context.Context) {
	defer c.conn.Close()
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()
	for {
		_, packet, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		if string(packet) != "2" {
			continue
		}
		if c.conn.WriteMessage(websocket.TextMessage, []byte("3")) != nil {
			return
		}
	}
}

// backoff is how long a stock client waits before it tries again: reconnectionDelay,
// reconnectionDelayMax and randomizationFactor have the Manager's defaults.
type backoff struct {
	random   *rand.Rand
	attempts int
}

// newBackoff draws from a seed, so that a run can be repeated.
func newBackoff(seed uint64) backoff {
	return backoff{random: rand.New(rand.NewPCG(seed, 1))}
}

func (b *backoff) next() time.Duration {
	const first, longest, jitter = float64(time.Second), float64(5 * time.Second), 0.5
	wait := first * math.Pow(2, float64(b.attempts))
	b.attempts++
	wait += wait * jitter * (2*b.random.Float64() - 1)
	return time.Duration(min(wait, longest))
}
