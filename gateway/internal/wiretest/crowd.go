// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Crowd is many websocket clients that take little memory and no goroutine: they write, and leave
// what the server sends unread. It ends with the test.
type Crowd struct {
	t     testing.TB
	conns []net.Conn
}

// NewCrowd opens sessions at a server's URL (http://…) and path.
func NewCrowd(t testing.TB, url, path string, size int) *Crowd {
	t.Helper()
	c := &Crowd{t: t, conns: make([]net.Conn, size)}
	t.Cleanup(c.Leave)
	address, rest, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	if rest != "" {
		path = "/" + rest + path
	}
	for i := range c.conns {
		conn, err := open(address, path)
		if err != nil {
			t.Fatalf("open session %d of %d: %v", i, size, err)
		}
		c.conns[i] = conn
	}
	return c
}

func open(address, path string) (net.Conn, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	err = upgrade(conn, path)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func upgrade(conn net.Conn, path string) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(conn, "GET %s?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n", path)
	if err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("upgrade is answered %s", answer.Status)
	}
	return conn.SetDeadline(time.Time{})
}

// Send has each client send an Engine.IO packet as text, one client after the other.
func (c *Crowd) Send(packet string) {
	c.t.Helper()
	frame := maskedText(packet)
	c.sendEach(func(int) []byte { return frame })
}

// SendEach is Send with a packet for each client, by its number.
func (c *Crowd) SendEach(packet func(client int) string) {
	c.t.Helper()
	c.sendEach(func(client int) []byte { return maskedText(packet(client)) })
}

func (c *Crowd) sendEach(frame func(client int) []byte) {
	c.t.Helper()
	for i, conn := range c.conns {
		if _, err := conn.Write(frame(i)); err != nil {
			c.t.Fatalf("client %d sends: %v", i, err)
		}
	}
}

// maskedText is a websocket frame of a client (RFC 6455 section 5.2), with a mask of zeros.
func maskedText(text string) []byte {
	frame := []byte{0x81}
	switch n := len(text); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	frame = append(frame, 0, 0, 0, 0)
	return append(frame, text...)
}

// Leave ends all connections without a word.
func (c *Crowd) Leave() {
	var all sync.WaitGroup
	for _, conn := range c.conns {
		if conn != nil {
			all.Go(func() { conn.Close() })
		}
	}
	all.Wait()
}
