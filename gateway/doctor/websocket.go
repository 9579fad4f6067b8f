// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// dial opens a WebSocket for a session, or a new one if sid is empty.
func (p *patient) dial(ctx context.Context, sid string) (*websocket.Conn, error) {
	u := p.query("websocket", sid)
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	dialer := &websocket.Dialer{TLSClientConfig: p.tls.Clone(), Proxy: http.ProxyFromEnvironment, HandshakeTimeout: patience}
	if p.options.ConnectTo != "" {
		dialer.Proxy, dialer.NetDialContext = nil, p.dialTCP
	}
	connection, response, err := dialer.DialContext(ctx, u.String(), p.headers()) //nolint:bodyclose // gorilla has closed it, and kept its beginning
	if response != nil {
		p.proxy.learn(response.Header)
	}
	if response != nil && errors.Is(err, websocket.ErrBadHandshake) {
		body := make([]byte, 1024)
		n, _ := response.Body.Read(body) // what is kept of it
		return nil, &statusError{answer{status: response.StatusCode, header: response.Header, body: body[:n]}}
	}
	return connection, err
}

// read returns the next packet that is text.
func read(connection *websocket.Conn, patience time.Duration) (string, error) {
	if err := connection.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	for {
		kind, data, err := connection.ReadMessage()
		if err != nil {
			return "", err
		}
		if kind == websocket.TextMessage {
			return string(data), nil
		}
	}
}

func write(connection *websocket.Conn, packet string) error {
	if err := connection.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	return connection.WriteMessage(websocket.TextMessage, []byte(packet))
}

// examineWebSocket begins a session by WebSocket.
func examineWebSocket(ctx context.Context, p *patient) []Finding {
	ctx, cancel := within(ctx)
	defer cancel()
	start := time.Now()
	connection, err := p.dial(ctx, "")
	if err != nil {
		return []Finding{p.dialFailure(err)}
	}
	defer func() { _ = connection.Close() }() // the session ends with it
	packet, err := read(connection, patience)
	if err == nil {
		_, err = openPacketOf(packet)
	}
	if err != nil {
		return []Finding{failed(p.proxy.advise(upgradeSettings), "the connection opens, and then: %v", err)}
	}
	return []Finding{ok("in %d ms", time.Since(start).Milliseconds())}
}

func (p *patient) dialFailure(err error) Finding {
	var status *statusError
	if errors.As(err, &status) && status.status == http.StatusForbidden && !status.isProxys() {
		return failed(nil, "the server refuses: %s", status)
	}
	if errors.As(err, &status) {
		return failed(p.proxy.advise(upgradeSettings), "%s, by %s, instead of 101: it does not pass the upgrade on", status, p.proxy.name())
	}
	return failed(p.proxy.advise(upgradeSettings), "%v", err)
}

// examineUpgrade goes from polling to WebSocket, as stock clients do.
func examineUpgrade(ctx context.Context, s *session) []Finding {
	p := s.patient
	ctx, cancel := within(ctx)
	defer cancel()
	connection, err := p.dial(ctx, s.open.SID)
	if err != nil {
		return []Finding{p.dialFailure(err)}
	}
	defer func() { _ = connection.Close() }() // the session ends with it
	start := time.Now()
	if err = write(connection, "2probe"); err == nil {
		var answer string
		if answer, err = read(connection, patience); err == nil && answer != "3probe" {
			err = fmt.Errorf("the answer to the probe is %s", excerpt([]byte(answer)))
		}
	}
	if err != nil {
		return []Finding{failed(p.proxy.advise(upgradeSettings), "the connection opens, and then: %v", err)}
	}
	took := time.Since(start)
	if err := write(connection, "5"); err != nil {
		return []Finding{failed(nil, "%v", err)}
	}
	if took > p.prompt {
		return []Finding{failed([]string{"switch buffering off for WebSockets"}, "a message took %.1f s there and back: something holds it back", took.Seconds())}
	}
	return []Finding{ok("a message there and back took %d ms", took.Milliseconds())}
}
