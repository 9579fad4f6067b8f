// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"context"
	"fmt"
	"strings"

	"github.com/gorilla/websocket"
)

// MaxPacket is more than any packet here has.
const MaxPacket = 1 << 20

// Link is an Engine.IO session over one transport. Next is for one goroutine, Send for one other;
// Close is for any.
type Link interface {
	// Next waits for a packet.
	Next() (string, error)
	// Send sends packets, sooner or later; if that fails, Next says so.
	Send(packets ...string)
	// Close ends the session's connections, and with them Next.
	Close()
}

// webSocketLink is a session over a websocket.
type webSocketLink struct{ conn *websocket.Conn }

// WebSocket opens a session over a websocket.
func (d *Dialer) WebSocket(ctx context.Context) (Link, Handshake, error) {
	address, err := d.gateway()
	if err != nil {
		return nil, Handshake{}, err
	}
	dialer := websocket.Dialer{NetDialContext: d.line.Dial, ReadBufferSize: 1024, WriteBufferSize: 1024}
	conn, resp, err := dialer.DialContext(ctx, "ws://"+address+"/socket.io/?EIO=4&transport=websocket", nil) //nolint:bodyclose // gorilla's needs no closing
	if err != nil {
		if resp != nil {
			err = fmt.Errorf("handshake by websocket: status %d", resp.StatusCode)
		}
		return nil, Handshake{}, err
	}
	conn.SetReadLimit(MaxPacket)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	l := &webSocketLink{conn}
	packet, err := l.Next()
	if err != nil {
		l.Close()
		return nil, Handshake{}, fmt.Errorf("wait for the open packet: %w", err)
	}
	h, err := parseOpen(packet)
	if err != nil {
		l.Close()
		return nil, Handshake{}, err
	}
	return l, h, nil
}

func (l *webSocketLink) Next() (string, error) {
	_, data, err := l.conn.ReadMessage()
	if err != nil {
		return "", err
	}
	return string(data), nil
}

func (l *webSocketLink) Send(packets ...string) {
	for _, p := range packets {
		if err := l.conn.WriteMessage(websocket.TextMessage, []byte(p)); err != nil {
			l.Close() // Next fails
			return
		}
	}
}

func (l *webSocketLink) Close() { l.conn.Close() }

func splitPayload(payload string) []string { return strings.Split(payload, "\x1e") }

func joinPayload(packets []string) string { return strings.Join(packets, "\x1e") }
