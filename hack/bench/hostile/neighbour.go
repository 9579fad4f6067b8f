// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// patience is how long an answer may take before the neighbour is said to be cut off.
const patience = 10 * time.Second

// dialSocket opens a websocket session and joins the main namespace.
func dialSocket(ctx context.Context, address string) (*websocket.Conn, error) {
	conn, resp, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+address+path+"&transport=websocket", nil)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	resp.Body.Close()
	if err := conn.WriteMessage(websocket.TextMessage, []byte("40")); err != nil {
		conn.Close()
		return nil, fmt.Errorf("join: %w", err)
	}
	for range 2 { // the open packet, and the answer to CONNECT
		conn.SetReadDeadline(time.Now().Add(patience))
		if _, _, err := conn.ReadMessage(); err != nil {
			conn.Close()
			return nil, fmt.Errorf("join: %w", err)
		}
	}
	return conn, nil
}

// neighbour is a client that minds its own business.
type neighbour struct {
	conn *websocket.Conn
	next int // id of the next event
}

func newNeighbour(ctx context.Context, address string) (*neighbour, error) {
	conn, err := dialSocket(ctx, address)
	if err != nil {
		return nil, err
	}
	return &neighbour{conn: conn}, nil
}

func (n *neighbour) close() { n.conn.Close() }

// echo has events acknowledged at a pace, and returns how long each took. The time counts from when an event was to be sent, so
// that one that is late since another was late counts as late too.
func (n *neighbour) echo(pace, duration time.Duration) ([]time.Duration, error) {
	count := int(duration / pace)
	start, first := time.Now(), n.next
	due := func(i int) time.Time { return start.Add(time.Duration(i) * pace) }
	n.next += count
	pongs := make(chan struct{}, 1)
	sent := make(chan error, 1)
	go func() { sent <- n.send(first, count, due, pongs) }()

	latencies := make([]time.Duration, 0, count)
	for len(latencies) < count {
		n.conn.SetReadDeadline(time.Now().Add(patience))
		_, packet, err := n.conn.ReadMessage()
		if err != nil {
			n.conn.Close()
			<-sent
			return nil, fmt.Errorf("wait for answer %d of %d: %w", len(latencies), count, err)
		}
		now := time.Now()
		if string(packet) == "2" {
			pongs <- struct{}{}
			continue
		}
		digits, _, _ := bytes.Cut(packet[2:], []byte("["))
		id, err := strconv.Atoi(string(digits))
		if err != nil {
			return nil, fmt.Errorf("read the answer %s: %w", packet, err)
		}
		latencies = append(latencies, now.Sub(due(id-first)))
	}
	if err := <-sent; err != nil {
		return nil, err
	}
	select {
	case <-pongs: // came with the last answer
		return latencies, n.conn.WriteMessage(websocket.TextMessage, []byte("3"))
	default:
		return latencies, nil
	}
}

// send is the one that writes: events when they are due, and pongs between them.
func (n *neighbour) send(first, count int, due func(int) time.Time, pongs <-chan struct{}) error {
	for i := range count {
		packet := fmt.Sprintf(`42%d["echo",%d]`, first+i, i)
		for wait := time.After(time.Until(due(i))); wait != nil; {
			select {
			case <-pongs:
				if err := n.conn.WriteMessage(websocket.TextMessage, []byte("3")); err != nil {
					return err
				}
			case <-wait:
				wait = nil
			}
		}
		if err := n.conn.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
			return err
		}
	}
	return nil
}
