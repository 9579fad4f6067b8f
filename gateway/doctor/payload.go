// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// largest bounds the payload that is sent, in bytes: servers with a higher limit than this are not
// examined to their limit.
const largest = 64 << 20

// payloadPatience bounds how long the largest payload may take.
const payloadPatience = time.Minute

// examinePayload sends the largest payload that the server takes, by polling and by WebSocket. It
// is a pong, whose content no server looks at.
func examinePayload(ctx context.Context, p *patient) []Finding {
	size := min(p.open.MaxPayload, largest)
	if size <= 0 {
		return []Finding{skipped("the server does not say how much it takes")}
	}
	ctx, cancel := context.WithTimeout(ctx, payloadPatience)
	defer cancel()
	return []Finding{p.largePost(ctx, size), p.largeMessage(ctx, size)}
}

func pongOf(size int64) []byte {
	pong := bytes.Repeat([]byte(" "), int(size))
	pong[0] = '3'
	return pong
}

func (p *patient) largePost(ctx context.Context, size int64) Finding {
	err := p.postOnce(ctx, size)
	if err == nil {
		return ok("polling: %d bytes in one request", size)
	}
	var status *statusError
	if errors.As(err, &status) && !status.isProxys() {
		return failed(nil, "polling: %d bytes in one request: the server answers %s", size, status)
	}
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		err = errors.New("the connection is cut while they are sent")
	}
	passes := size
	for passes > 1 && ctx.Err() == nil {
		passes /= 2
		if p.postOnce(ctx, passes) == nil {
			break
		}
	}
	return failed(p.proxy.advise(payloadSettings(size)),
		"polling: %d bytes in one request: %v, by %s; %d bytes get through", size, err, p.proxy.name(), passes)
}

// postOnce sends a packet of that size in a session of its own, which a refusal may end.
func (p *patient) postOnce(ctx context.Context, size int64) error {
	s, err := p.begin(ctx, p.client)
	if err != nil {
		return err
	}
	defer s.end(ctx)
	return s.post(ctx, pongOf(size))
}

func (p *patient) largeMessage(ctx context.Context, size int64) Finding {
	connection, err := p.dial(ctx, "")
	if err != nil {
		return skipped("WebSocket: there is none")
	}
	defer func() { _ = connection.Close() }() // the session ends with it
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	// The pong of WebSocket itself shows that what was sent before it has arrived.
	arrived := false
	connection.SetPongHandler(func(string) error {
		arrived = true
		return connection.SetReadDeadline(time.Now())
	})
	err = errors.Join(
		connection.WriteMessage(websocket.TextMessage, pongOf(size)),
		connection.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience)),
		connection.SetReadDeadline(time.Now().Add(payloadPatience)),
	)
	for err == nil && !arrived {
		_, _, err = connection.ReadMessage()
	}
	if !arrived {
		return failed(nil, "WebSocket: a message of %d bytes: %v", size, err)
	}
	return ok("WebSocket: a message of %d bytes", size)
}
