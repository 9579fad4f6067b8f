// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Visit is how a client connects.
type Visit struct {
	// Gateway is the number of the gateway, from 1; 0: any.
	Gateway   int
	Namespace string
	// Auth is the auth payload; nil for none.
	Auth   map[string]any
	Query  url.Values
	Header http.Header
	// Address is the client's IP address; empty: 127.0.0.1.
	Address string
	// PID and Offset are those of the session that the client wants to have back; see Client.
	PID, Offset string
}

// Refusal is why a client is not let in: a connect_error, or an answer to its first request.
type Refusal struct {
	// Status is that of the HTTP answer; 0 for a connect_error.
	Status  int
	Message string
	// Code is that in the data of a connect_error; empty if there is none.
	Code string
}

func (r *Refusal) Error() string {
	if r.Status != 0 {
		return fmt.Sprintf("HTTP %d, %q", r.Status, r.Message)
	}
	return fmt.Sprintf("connect_error %q, code %q", r.Message, r.Code)
}

// firstAnswerWithin bounds the wait for the answer to CONNECT, by the clock of the bubble.
const firstAnswerWithin = time.Minute

// Connect connects a client. The error is a *Refusal if the service does not want it.
func (l *Lab) Connect(v Visit) (*Client, error) {
	s, err := l.at(v.Gateway)
	if err != nil {
		return nil, err
	}
	c := &Client{namespace: v.Namespace, since: l.started, ended: make(chan struct{}), changed: make(chan struct{}), acks: map[int][]any{}}
	if err := c.dial(s, v); err != nil {
		return nil, err
	}
	l.clients = append(l.clients, c)
	go c.read()
	if err := c.enter(v); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) dial(s *station, v Visit) error {
	query := url.Values{}
	for name, values := range v.Query {
		query[name] = values
	}
	query.Set("EIO", "4")
	query.Set("transport", "websocket")
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		address := *here
		if v.Address != "" {
			address.IP = net.ParseIP(v.Address)
		}
		if _, err := s.clients.connect(theirs, &address); err != nil {
			return nil, err
		}
		c.pipe = &pipe{Conn: ours, remote: here}
		return c.pipe, s.door.enter(ctx, &pipe{Conn: theirs, remote: &address})
	}}
	u := url.URL{Scheme: "ws", Host: "localhost", Path: s.Path(), RawQuery: query.Encode()}
	conn, answer, err := dialer.Dial(u.String(), v.Header) //nolint:bodyclose // the library has read what it keeps of it
	if errors.Is(err, websocket.ErrBadHandshake) {
		return refusalOf(answer)
	}
	if err != nil {
		return fmt.Errorf("connect a client: %w", err)
	}
	c.conn = conn
	return nil
}

// refusalOf reads the answer to a first request: {"code": 4, "message": "…"}.
func refusalOf(answer *http.Response) *Refusal {
	body, _ := io.ReadAll(answer.Body) // the library keeps what there is of it
	var told struct{ Message string }
	if json.Unmarshal(body, &told) != nil {
		told.Message = strings.TrimSpace(string(body))
	}
	return &Refusal{Status: answer.StatusCode, Message: told.Message}
}

// enter asks for the namespace.
func (c *Client) enter(v Visit) error {
	auth := map[string]any{}
	for name, value := range v.Auth {
		auth[name] = value
	}
	if v.PID != "" {
		auth["pid"], auth["offset"] = v.PID, v.Offset
	}
	var data any
	if len(auth) > 0 {
		data = auth
	}
	if err := c.send(&packet{kind: packetConnect, namespace: c.namespace, id: -1, data: data}); err != nil {
		return err
	}
	answered := c.Await(firstAnswerWithin, func() bool { return c.connected || c.refusal != nil || c.left != "" })
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.refusal != nil:
		return c.refusal
	case !answered:
		return errors.New("the service does not answer CONNECT")
	case !c.connected:
		return fmt.Errorf("the connection ends before CONNECT is answered: %s", c.left)
	}
	return nil
}
