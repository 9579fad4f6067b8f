// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The names of the transports.
const (
	Polling   = "polling"
	WebSocket = "websocket"
)

// Config is how a Server behaves. Zero values stand for the defaults of the reference implementation.
type Config struct {
	// Path is the prefix of the requests that are served, "/engine.io/" by default.
	Path string
	// PingInterval is the time between pings, 25 s by default.
	PingInterval time.Duration
	// PingTimeout is how long a client may take to answer a ping, 20 s by default.
	PingTimeout time.Duration
	// UpgradeTimeout is how long a probing websocket may take to complete the upgrade, 10 s by default.
	UpgradeTimeout time.Duration
	// MaxPayload bounds the body of a POST and a websocket message, in bytes; 1,000,000 by default.
	MaxPayload int64
	// Transports are the transports that are offered: Polling and WebSocket, both by default.
	Transports []string
	// NoUpgrades keeps sessions on the transport that they began with.
	NoUpgrades bool
	// CORS answers pages of other origins; nil: no CORS headers.
	CORS *CORS

	// MaxQueueBytes and MaxQueueMessages bound what waits for one client: 4 MiB and 16,384 by default. Who is to be sent
	// more while that much waits is closed with ReasonSlowConsumer.
	MaxQueueBytes    int
	MaxQueueMessages int

	// NewID makes a session's id: unguessable, unique, free of characters that a URL must escape.
	// The default is 20 characters of base64url from crypto/rand. Its error is answered with 400, code 3.
	NewID func() (string, error)
	// AllowRequest may refuse a handshake. A *Refusal says how it is answered; any other error is
	// answered with 403, code 4 and its text. nil: all are allowed.
	AllowRequest func(*http.Request) error
	// OnSession is called once per handshake, before anything is received, and returns who receives it.
	// It may send already: the client reads that right behind the open packet. Required.
	OnSession func(*Session) Handler
	// ErrorLog takes what is wrong on the server's side, such as a handler's panic. Default: slog.Default().
	ErrorLog *slog.Logger
}

// Handler receives what one session brings. The calls for one session come one at a time and in order, under no lock
// of the session, so that a Handler may send and close. A call that takes its time holds up that client's messages only.
type Handler interface {
	// OnMessage takes one message. The data belongs to the handler.
	OnMessage(data []byte, binary bool)
	// OnClose is called exactly once, after the last OnMessage, never from within Close or Send. The error says more
	// than the reason where there is more to say, else it is nil.
	OnClose(reason CloseReason, err error)
}

// Refusal is an error of AllowRequest that says how the handshake is answered.
type Refusal struct {
	// Status is the HTTP status; 403 if zero.
	Status int
	// Message is the text in the answer; "Forbidden" if empty.
	Message string
	// RetryAfter is the answer's Retry-After header, in whole seconds; none if zero.
	RetryAfter time.Duration
}

// Error is the text that the client gets.
func (r *Refusal) Error() string {
	if r.Message == "" {
		return errForbidden.message
	}
	return r.Message
}

// withDefaults fills in what is not set, and checks the rest.
func (c Config) withDefaults() (Config, error) {
	setDefault(&c.Path, "/engine.io/")
	setDefault(&c.PingInterval, 25*time.Second)
	setDefault(&c.PingTimeout, 20*time.Second)
	setDefault(&c.UpgradeTimeout, 10*time.Second)
	setDefault(&c.MaxPayload, 1_000_000)
	setDefault(&c.MaxQueueBytes, 4<<20)
	setDefault(&c.MaxQueueMessages, 16_384)
	if c.Transports == nil {
		c.Transports = []string{Polling, WebSocket}
	}
	if c.NewID == nil {
		c.NewID = randomID
	}
	setDefault(&c.ErrorLog, slog.Default())
	return c, c.check()
}

func (c Config) check() error {
	switch {
	case c.OnSession == nil:
		return errors.New("configure engine.io: OnSession is missing")
	case !strings.HasPrefix(c.Path, "/"):
		return fmt.Errorf("configure engine.io: path %q does not begin with a slash", c.Path)
	case len(c.Transports) == 0:
		return errors.New("configure engine.io: no transport")
	case c.PingInterval < 0 || c.PingTimeout < 0 || c.UpgradeTimeout < 0:
		return errors.New("configure engine.io: negative duration")
	case c.MaxPayload < 0 || c.MaxQueueBytes < 0 || c.MaxQueueMessages < 0:
		return errors.New("configure engine.io: negative limit")
	}
	for _, t := range c.Transports {
		if t != Polling && t != WebSocket {
			return fmt.Errorf("configure engine.io: unknown transport %q", t)
		}
	}
	return nil
}

// upgrades are the transports that a session which began with this one may change to.
func (c Config) upgrades(transport string) []string {
	if transport == Polling && !c.NoUpgrades && slices.Contains(c.Transports, WebSocket) {
		return []string{WebSocket}
	}
	return []string{}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// randomID is 120 random bits.
func randomID() (string, error) {
	var b [15]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make session id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
