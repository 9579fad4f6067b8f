// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// client is a connection of the attacker's. One goroutine uses it, and one more may read.
type client struct {
	a    *attacker
	conn net.Conn
	// ws reads frames; nil for a connection for requests. Frames are written to conn as they are
	// wanted.
	ws     *websocket.Conn
	reader *bufio.Reader // of answers to requests
	sid    string        // of a polling session
	eio    string        // the revision of the protocol, and what else is in all queries

	// ended is closed when whoever reads has come to an end, which is err then.
	ended chan struct{}
	err   error
	once  sync.Once
	stop  func() bool
}

// refusal is an HTTP answer that is not what was hoped for.
type refusal int

func (r refusal) Error() string { return fmt.Sprintf("refused with %d", int(r)) }

// endOf names how a connection has ended.
func endOf(err error) string {
	var closed *websocket.CloseError
	var refused refusal
	switch {
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
		return fmt.Sprintf("closed with %d", closed.Code)
	case errors.As(err, &refused):
		return refused.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "not answered"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &closed):
		return "closed"
	}
	return "failed: " + err.Error()
}

func (a *attacker) newClient(ctx context.Context, conn net.Conn) *client {
	c := &client{a: a, conn: conn}
	c.stop = context.AfterFunc(ctx, func() { conn.Close() })
	a.mu.Lock()
	a.open++
	a.mu.Unlock()
	return c
}

func (c *client) close() {
	c.once.Do(func() {
		c.stop()
		c.conn.Close()
		if c.a.over.Err() != nil {
			return // it counts as one that has stayed
		}
		c.a.mu.Lock()
		c.a.open--
		c.a.mu.Unlock()
	})
	if c.ended != nil {
		<-c.ended
	}
}

// socket opens a websocket. more is what is in the query besides the transport.
func (a *attacker) socket(ctx context.Context, more string) (*client, error) {
	var conn net.Conn
	dialer := websocket.Dialer{HandshakeTimeout: patience, NetDialContext: func(context.Context, string, string) (net.Conn, error) {
		var err error
		conn, err = a.dial(ctx)
		return conn, err
	}}
	ws, resp, err := dialer.DialContext(ctx, "ws://"+a.address+"/socket.io/?transport=websocket&"+more, nil)
	if err != nil {
		if resp != nil {
			resp.Body.Close()
			err = refusal(resp.StatusCode)
		}
		return nil, err
	}
	resp.Body.Close()
	c := a.newClient(ctx, conn)
	c.ws = ws
	return c, nil
}

// joined is a websocket in the main namespace.
func joined(ctx context.Context, a *attacker) (*client, error) { return a.join(ctx, "EIO=4") }

// reading is one that reads all that comes.
func reading(ctx context.Context, a *attacker) (*client, error) {
	c, err := a.join(ctx, "EIO=4")
	if err == nil {
		c.readOn()
	}
	return c, err
}

// reading3 is one of revision 3, which is in the main namespace by itself.
func reading3(ctx context.Context, a *attacker) (*client, error) {
	c, err := a.socket(ctx, "EIO=3")
	if err == nil {
		c.readOn()
	}
	return c, err
}

func (a *attacker) join(ctx context.Context, eio string) (*client, error) {
	return a.joinBy(ctx, eio, text("40"))
}

// joinBy is join with a CONNECT of the caller's.
func (a *attacker) joinBy(ctx context.Context, eio string, connect []byte) (*client, error) {
	c, err := a.socket(ctx, eio)
	if err != nil {
		return nil, err
	}
	if err := c.write(connect); err != nil {
		c.close()
		return nil, err
	}
	for range 2 {
		if _, err := c.read(); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *client) write(data []byte) error {
	_, err := c.conn.Write(data)
	if err != nil && c.ended != nil {
		select {
		case <-c.ended: // who reads knows better why
			return c.err
		case <-time.After(time.Second):
		}
	}
	return err
}

func (c *client) read() (string, error) {
	c.ws.SetReadDeadline(time.Now().Add(patience))
	_, data, err := c.ws.ReadMessage()
	return string(data), err
}

// readUntil reads until a message comes.
func (c *client) readUntil(want string) error {
	for {
		if got, err := c.read(); err != nil || got == want {
			return err
		}
	}
}

// readOn reads until the connection ends.
func (c *client) readOn() {
	c.ended = make(chan struct{})
	c.conn.SetReadDeadline(time.Time{})
	go func() {
		defer close(c.ended)
		if c.ws == nil {
			if _, c.err = io.Copy(io.Discard, c.reader); c.err == nil {
				c.err = io.EOF
			}
		}
		for c.err == nil {
			_, _, c.err = c.ws.NextReader()
		}
	}()
}

// untilEnd waits until the gateway ends the connection, or the attack is over. It reads what comes.
func (c *client) untilEnd(ctx context.Context) error {
	if c.ended == nil {
		c.readOn()
	}
	select {
	case <-c.ended:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// silent is a connection for requests that has sent none.
func silent(ctx context.Context, a *attacker) (*client, error) {
	conn, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	c := a.newClient(ctx, conn)
	c.reader = bufio.NewReader(conn)
	return c, nil
}

// request sends one and reads its answer. Any status but 200 is an error, unless it is wanted.
func (c *client) request(method, query, headers, body string, want int) (string, error) {
	length := ""
	if method == http.MethodPost {
		length = fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	if err := c.write(fmt.Appendf(nil, "%s /socket.io/?%s HTTP/1.1\r\nHost: x\r\n%s%s\r\n%s", method, query, length, headers, body)); err != nil {
		return "", err
	}
	return c.answer(want)
}

func (c *client) answer(want int) (string, error) {
	c.conn.SetReadDeadline(time.Now().Add(patience))
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != want {
		return "", refusal(resp.StatusCode)
	}
	return string(data), nil
}

// polling opens a session by polling.
func (a *attacker) polling(ctx context.Context, eio string) (*client, error) {
	c, err := silent(ctx, a)
	if err != nil {
		return nil, err
	}
	c.eio = eio + "&transport=polling"
	body, err := c.request(http.MethodGet, c.eio, "", "", http.StatusOK)
	if err != nil {
		c.close()
		return nil, err
	}
	var open struct {
		SID string `json:"sid"`
	}
	_, after, _ := strings.Cut(body, "{")
	if err := json.NewDecoder(strings.NewReader("{" + after)).Decode(&open); err != nil {
		c.close()
		return nil, fmt.Errorf("read the handshake's answer %s: %w", body, err)
	}
	c.sid = open.SID
	return c, nil
}

func (c *client) session() string { return c.eio + "&sid=" + c.sid }

func (c *client) post(body string) error {
	_, err := c.request(http.MethodPost, c.session(), "", body, http.StatusOK)
	return err
}

func (c *client) poll() (string, error) {
	return c.request(http.MethodGet, c.session(), "", "", http.StatusOK)
}

// polls is a client in the main namespace by polling.
func polls(ctx context.Context, a *attacker) (*client, error) {
	c, err := a.polling(ctx, "EIO=4")
	if err != nil {
		return nil, err
	}
	if err = c.post("40"); err == nil {
		_, err = c.poll()
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// polls3 is one of revision 3.
func polls3(ctx context.Context, a *attacker) (*client, error) { return a.polling(ctx, "EIO=3&b64=1") }
