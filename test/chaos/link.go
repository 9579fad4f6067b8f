// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"fmt"
	"strings"

	"github.com/gorilla/websocket"
)

// maxPacket is more than any packet here has.
const maxPacket = 1 << 20

// link is an Engine.IO session over one transport. next is for one goroutine, send for one other; close is for any.
type link interface {
	// next waits for a packet.
	next() (string, error)
	// send sends packets, sooner or later; if that fails, next says so.
	send(packets ...string)
	close()
}

// openLink opens a session over the client's transport.
func (c *client) openLink(ctx context.Context) (link, handshake, error) {
	if c.polling {
		return openPolling(ctx, c)
	}
	return openWebSocket(ctx, c)
}

// webSocketLink is a session over a websocket.
type webSocketLink struct{ conn *websocket.Conn }

func openWebSocket(ctx context.Context, c *client) (link, handshake, error) {
	address, err := c.world.balancer.pick(c.id)
	if err != nil {
		return nil, handshake{}, err
	}
	d := websocket.Dialer{NetDialContext: c.line.dial, ReadBufferSize: 1024, WriteBufferSize: 1024}
	conn, resp, err := d.DialContext(ctx, "ws://"+address+"/socket.io/?EIO=4&transport=websocket", nil) //nolint:bodyclose // gorilla's needs no closing
	if err != nil {
		if resp != nil {
			err = fmt.Errorf("handshake by websocket: status %d", resp.StatusCode)
		}
		return nil, handshake{}, err
	}
	conn.SetReadLimit(maxPacket)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	l := &webSocketLink{conn}
	packet, err := l.next()
	if err != nil {
		l.close()
		return nil, handshake{}, fmt.Errorf("wait for the open packet: %w", err)
	}
	h, err := parseOpen(packet)
	if err != nil {
		l.close()
		return nil, handshake{}, err
	}
	return l, h, nil
}

func (l *webSocketLink) next() (string, error) {
	_, data, err := l.conn.ReadMessage()
	if err != nil {
		return "", err
	}
	return string(data), nil
}

func (l *webSocketLink) send(packets ...string) {
	for _, p := range packets {
		if err := l.conn.WriteMessage(websocket.TextMessage, []byte(p)); err != nil {
			l.close() // next fails
			return
		}
	}
}

func (l *webSocketLink) close() { l.conn.Close() }

func splitPayload(payload string) []string { return strings.Split(payload, "\x1e") }

func joinPayload(packets []string) string { return strings.Join(packets, "\x1e") }
