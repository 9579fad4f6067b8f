// SPDX-License-Identifier: Apache-2.0

// Package wiretest is a client for tests that want to see every packet: it speaks Engine.IO over a
// websocket and leaves Socket.IO's packets as they are.
package wiretest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// patience is how long a packet may take on a machine that is busy.
const patience = time.Minute

// Engine.IO's heartbeat.
const (
	ping = "2"
	pong = "3"
)

// Client is one websocket connection. Not safe for concurrent use, but that one goroutine may send
// while another receives. It ends with the test. While it receives, it answers the server's pings,
// which no test gets to see: on a busy machine one comes where it is not expected.
type Client struct {
	t    testing.TB
	conn *websocket.Conn
	// sending is held while a message is written.
	sending sync.Mutex
	// SID is the session's id.
	SID string
}

// Dial opens a session at a server's URL (http://…) and path, with more query parameters and
// headers if given.
func Dial(t testing.TB, url, path, query string, header http.Header) *Client {
	t.Helper()
	u := strings.Replace(url, "http", "ws", 1) + path + "?EIO=4&transport=websocket" + query
	conn, resp, err := websocket.DefaultDialer.Dial(u, header)
	if err != nil {
		t.Fatalf("dial %s: %v (%+v)", u, err, resp)
	}
	c := &Client{t: t, conn: conn}
	t.Cleanup(func() { c.conn.Close() })
	open := c.Receive()
	var handshake struct {
		SID string `json:"sid"`
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(open, "0")), &handshake); err != nil {
		t.Fatalf("open packet %q: %v", open, err)
	}
	c.SID = handshake.SID
	return c
}

// Upgrade connects a websocket to a session that has begun by polling. What the upgrade takes is up
// to the test.
func Upgrade(t testing.TB, url, path, sid string) *Client {
	t.Helper()
	u := strings.Replace(url, "http", "ws", 1) + path + "?EIO=4&transport=websocket&sid=" + sid
	conn, resp, err := websocket.DefaultDialer.Dial(u, nil)
	if err != nil {
		t.Fatalf("dial %s: %v (%+v)", u, err, resp)
	}
	c := &Client{t: t, conn: conn, SID: sid}
	t.Cleanup(func() { c.conn.Close() })
	return c
}

// Connect opens a session and joins a namespace; it returns the socket's id too.
func Connect(t testing.TB, url, path, namespace string) (*Client, string) {
	t.Helper()
	c := Dial(t, url, path, "", nil)
	return c, c.Join(namespace)
}

// Join joins a namespace and returns the socket's id.
func (c *Client) Join(namespace string) string {
	c.t.Helper()
	prefix := "40"
	if namespace != "/" {
		prefix += namespace + ","
	}
	c.Send(prefix)
	answer := c.Receive()
	var body struct {
		SID string `json:"sid"`
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(answer, prefix)), &body); err != nil || body.SID == "" {
		c.t.Fatalf("answer to CONNECT: %q", answer)
	}
	return body.SID
}

// Send sends Engine.IO packets as text.
func (c *Client) Send(packets ...string) {
	c.t.Helper()
	for _, p := range packets {
		if err := c.write(websocket.TextMessage, []byte(p)); err != nil {
			c.t.Fatalf("send %.80s: %v", p, err)
		}
	}
}

func (c *Client) write(kind int, data []byte) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.conn.WriteMessage(kind, data)
}

// SendBinary sends a binary message.
func (c *Client) SendBinary(data []byte) {
	c.t.Helper()
	if err := c.write(websocket.BinaryMessage, data); err != nil {
		c.t.Fatalf("send binary: %v", err)
	}
}

// Receive returns the next packet; a binary one as "binary [1 2 3]".
func (c *Client) Receive() string {
	c.t.Helper()
	p, err := c.next()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return p
}

func (c *Client) next() (string, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	for {
		typ, data, err := c.conn.ReadMessage()
		switch {
		case err != nil:
			return "", err
		case typ == websocket.BinaryMessage:
			return fmt.Sprintf("binary %v", data), nil
		case string(data) != ping:
			return string(data), nil
		}
		_ = c.write(websocket.TextMessage, []byte(pong)) // or the next read says why not
	}
}

// Expect wants exactly these packets next.
func (c *Client) Expect(packets ...string) {
	c.t.Helper()
	for _, want := range packets {
		if got := c.Receive(); got != want {
			c.t.Fatalf("received %.200s, want %.200s", got, want)
		}
	}
}

// ExpectClosed wants the server to close; packets that come before are returned.
func (c *Client) ExpectClosed() []string {
	c.t.Helper()
	var before []string
	for {
		p, err := c.next()
		if err == nil {
			before = append(before, p)
			continue
		}
		var netErr net.Error
		if errors.As(err, &netErr) && netErr.Timeout() {
			c.t.Fatalf("the connection stays open")
		}
		return before
	}
}

// Close ends the connection without a word, as a killed client does.
func (c *Client) Close() { c.conn.Close() }
