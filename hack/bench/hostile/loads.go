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
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Sizes of what is sent.
const (
	deep        = 5000    // levels of JSON
	oversized   = 2 << 20 // bytes; the server takes 1 MB
	afterClose  = 100     // events behind a goodbye
	announced   = 100_000 // bytes of a body that comes slowly
	attachments = 1_000_000
)

var loads = []load{
	{"well-behaved", "joins, has one event echoed, leaves", 100, 64, wellBehaved},
	{"slow-loris", "posts a byte a second", 200, 1000, slowLoris},
	{"half-open", "opens a websocket and says nothing", 200, 1000, halfOpen},
	{"handshakes", "opens a polling session and forgets it", 500, 64, handshakes},
	{"deep-json", "sends an event of 5,000 nested lists", 100, 64, sending(`42["echo",` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + `]`)},
	{"attachments", "announces 1,000,000 attachments", 100, 64, sending(fmt.Sprintf(`45%d-["echo",{"_placeholder":true,"num":0}]`, attachments))},
	{"oversized", "sends a message of 2 MiB by websocket, and by post", 10, 16, tooMuch},
	{"after-close", "leaves, then sends 100 events", 100, 64, eventsAfterClose},
}

// until ends a connection with the context, so that nothing waits for it.
func until(ctx context.Context, conn io.Closer) (stop func()) {
	cancelled := context.AfterFunc(ctx, func() { conn.Close() })
	return func() {
		cancelled()
		conn.Close()
	}
}

// refusedBy reads until the server closes the connection.
func refusedBy(conn *websocket.Conn) error {
	conn.SetReadDeadline(time.Now().Add(patience))
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return fmt.Errorf("the server lets it pass: %w", err)
			}
			return nil
		}
	}
}

func sendAll(conn *websocket.Conn, packets ...string) error {
	for _, p := range packets {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(p)); err != nil {
			return err
		}
	}
	return nil
}

func wellBehaved(ctx context.Context, a *attacker) error {
	conn, err := dialSocket(ctx, a.address)
	if err != nil {
		return err
	}
	defer until(ctx, conn)()
	if err := sendAll(conn, `420["echo",1]`); err != nil {
		return err
	}
	if _, _, err := conn.ReadMessage(); err != nil {
		return err
	}
	return sendAll(conn, "41")
}

// sending joins, sends a packet, and wants to be thrown out.
func sending(packet string) func(context.Context, *attacker) error {
	return func(ctx context.Context, a *attacker) error {
		conn, err := dialSocket(ctx, a.address)
		if err != nil {
			return err
		}
		defer until(ctx, conn)()
		if err := sendAll(conn, packet); err != nil {
			return err
		}
		return refusedBy(conn)
	}
}

func eventsAfterClose(ctx context.Context, a *attacker) error {
	conn, err := dialSocket(ctx, a.address)
	if err != nil {
		return err
	}
	defer until(ctx, conn)()
	if err := sendAll(conn, "41"); err != nil {
		return err
	}
	for range afterClose {
		if err := sendAll(conn, `42["echo",1]`); err != nil {
			return err
		}
	}
	if err := sendAll(conn, "1"); err != nil {
		return err
	}
	return refusedBy(conn)
}

func halfOpen(ctx context.Context, a *attacker) error {
	conn, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer until(ctx, conn)()
	request := fmt.Sprintf("GET %s&transport=websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path, a.address)
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the upgrade is answered with %s", resp.Status)
	}
	<-ctx.Done()
	return nil
}

func handshakes(ctx context.Context, a *attacker) error {
	_, err := a.handshake(ctx)
	return err
}

// slowLoris posts to a session of its own.
func slowLoris(ctx context.Context, a *attacker) error {
	sid, err := a.handshake(ctx)
	if err != nil {
		return err
	}
	conn, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer until(ctx, conn)()
	request := fmt.Sprintf("POST %s&transport=polling&sid=%s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n",
		path, sid, a.address, announced)
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(conn, "4"); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func tooMuch(ctx context.Context, a *attacker) error {
	body := "4" + strings.Repeat("x", oversized)
	sid, err := a.handshake(ctx)
	if err != nil {
		return err
	}
	// The server may close the connection before it has read the body.
	status, _, err := a.do(ctx, http.MethodPost, "&transport=polling&sid="+sid, strings.NewReader(body))
	if err == nil && status != http.StatusRequestEntityTooLarge {
		return fmt.Errorf("the server lets it pass with %d", status)
	}
	conn, err := dialSocket(ctx, a.address)
	if err != nil {
		return err
	}
	defer until(ctx, conn)()
	_ = sendAll(conn, body) // fails if the server has heard enough
	return refusedBy(conn)
}

func (a *attacker) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", a.address)
}

// handshake opens a polling session and returns its id.
func (a *attacker) handshake(ctx context.Context) (string, error) {
	status, body, err := a.do(ctx, http.MethodGet, "&transport=polling", nil)
	if err != nil {
		return "", err
	}
	var open struct {
		SID string `json:"sid"`
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(body, "0")), &open); err != nil {
		return "", fmt.Errorf("the handshake is answered with %d %s", status, body)
	}
	return open.SID, nil
}

func (a *attacker) do(ctx context.Context, method, query string, body io.Reader) (status int, answer string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+a.address+path+query, body)
	if err != nil {
		return 0, "", err
	}
	resp, err := a.http.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), err
}
