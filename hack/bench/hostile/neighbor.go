// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// patience is how long an answer may take before the neighbor is said to be cut off.
const patience = 10 * time.Second

// neighbor is a client that minds its own business.
type neighbor struct {
	conn *websocket.Conn
	next int // id of the next event
	dialect
}

// dialect is how packets look.
type dialect struct {
	kind    int // of websocket messages
	connect string
	// event asks for an answer that has the same id, which is read from there.
	event func(id int) []byte
	id    func(answer []byte) (int, error)
}

var jsonDialect = dialect{
	websocket.TextMessage, "40",
	func(id int) []byte { return fmt.Appendf(nil, `42%d["echo",%d]`, id, id) },
	func(answer []byte) (int, error) {
		digits, _, _ := bytes.Cut(bytes.TrimPrefix(answer, []byte("43")), []byte("["))
		return strconv.Atoi(string(digits))
	},
}

func newNeighbor(ctx context.Context, address, service string) (*neighbor, error) {
	n := &neighbor{dialect: jsonDialect}
	if service == serviceMsgpack {
		n.dialect = msgpackDialect
	}
	conn, resp, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+address+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		return nil, fmt.Errorf("connect the neighbor: %w", err)
	}
	resp.Body.Close()
	n.conn = conn
	if err := conn.WriteMessage(n.kind, []byte(n.connect)); err != nil {
		conn.Close()
		return nil, fmt.Errorf("join with the neighbor: %w", err)
	}
	for range 2 { // the open packet, and the answer to CONNECT
		conn.SetReadDeadline(time.Now().Add(patience))
		if _, _, err := conn.ReadMessage(); err != nil {
			conn.Close()
			return nil, fmt.Errorf("join with the neighbor: %w", err)
		}
	}
	return n, nil
}

// latencies are sorted.
type latencies []time.Duration

// percentile is in milliseconds, by the nearest rank.
func (l latencies) percentile(p int) float64 { return l[(len(l)*p+99)/100-1].Seconds() * 1000 }

func (n *neighbor) close() { n.conn.Close() }

// echo has events acknowledged at a pace, and returns how long each answer took. Events are sent
// when they are due, whatever has come back by then.
func (n *neighbor) echo(pace, duration time.Duration) (latencies, error) {
	first, count := n.next, int(duration/pace)
	n.next += count
	sentAt := make([]atomic.Int64, count)
	begin := time.Now()
	pongs := make(chan struct{}, 1)
	sent := make(chan error, 1)
	go func() { sent <- n.send(first, begin, pace, sentAt, pongs) }()

	l := make(latencies, 0, count)
	for len(l) < count {
		n.conn.SetReadDeadline(time.Now().Add(patience))
		_, packet, err := n.conn.ReadMessage()
		if err != nil {
			n.conn.Close()
			<-sent
			return nil, fmt.Errorf("wait for answer %d of %d: %w", len(l), count, err)
		}
		now := time.Since(begin)
		if string(packet) == "2" {
			pongs <- struct{}{}
			continue
		}
		id, err := n.id(packet)
		if err != nil || id < first || id >= n.next {
			return nil, fmt.Errorf("read the answer %s: %w", packet, err)
		}
		l = append(l, now-time.Duration(sentAt[id-first].Load()))
	}
	if err := <-sent; err != nil {
		return nil, err
	}
	select {
	case <-pongs: // came with the last answer
		return l, n.conn.WriteMessage(websocket.TextMessage, []byte("3"))
	default:
		return l, nil
	}
}

// send is the one that writes: events when they are due, and pongs between them.
func (n *neighbor) send(first int, begin time.Time, pace time.Duration, sentAt []atomic.Int64, pongs <-chan struct{}) error {
	for i := range sentAt {
		due := begin.Add(time.Duration(i) * pace)
		for wait := time.After(time.Until(due)); wait != nil; {
			select {
			case <-pongs:
				if err := n.conn.WriteMessage(websocket.TextMessage, []byte("3")); err != nil {
					return err
				}
			case <-wait:
				wait = nil
			}
		}
		sentAt[i].Store(int64(time.Since(begin)))
		if err := n.conn.WriteMessage(n.kind, n.event(first+i)); err != nil {
			return err
		}
	}
	return nil
}
