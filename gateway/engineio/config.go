// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/lazycontext"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// The names of the transports.
const (
	Polling      = "polling"
	WebSocket    = "websocket"
	WebTransport = "webtransport"
)

// The defaults of Config.PingInterval and Config.PingTimeout.
const (
	DefaultPingInterval = 25 * time.Second
	DefaultPingTimeout  = 20 * time.Second
)

// defaultCompressionThreshold is the minimum size in bytes of compressed answers and messages:
// smaller ones fit into one or two network packets either way.
const defaultCompressionThreshold = 1024

// DefaultMaxPayload is the default of Config.MaxPayload, in bytes.
const DefaultMaxPayload = 1_000_000

// Config configures a Server. Zero values stand for the defaults of the reference implementation.
// NewServer and Reconfigure refuse negative times and limits, and the values named below. "Row 15"
// refers to the test TestRow15…, which shows the behavior on the wire.
type Config struct {
	// Path is the prefix of the requests that are served, "/engine.io/" by default. Like the
	// reference implementation, the server appends a slash unless NoTrailingSlash is set: then
	// "/engine.io" is served, with or without further slashes. Other paths are answered with 404,
	// also for WebSockets: the http.ServeMux that knows other paths takes the place of the
	// reference's destroyUpgrade (rows 13 and 14). A path that does not begin with a slash is
	// refused.
	Path            string
	NoTrailingSlash bool
	// PingInterval is the time between pings, 25 s by default (row 25).
	PingInterval time.Duration
	// PingTimeout is how long a client may take to answer a ping, 20 s by default.
	PingTimeout time.Duration
	// UpgradeTimeout is how long a probing WebSocket may take to complete the upgrade, and a
	// WebTransport client to open its stream; 10 s by default (rows 28 and 34).
	UpgradeTimeout time.Duration
	// AllowEIO3 also serves revision 3 of the protocol, which Socket.IO clients of 1.x and 2.x
	// speak; Session.Protocol reports it. With it the client pings, and is given up when
	// PingInterval and PingTimeout have passed without a ping (row 35). Off by default: such
	// clients are answered with 400, code 5 (row 7).
	AllowEIO3 bool
	// MaxPayload limits the body of a POST and a WebSocket message, in bytes; 1,000,000 by default.
	// A larger POST is answered with 413, and the session continues; a larger message closes the
	// WebSocket with 1009 (row 21).
	MaxPayload int64
	// Transports lists the offered transports: Polling, WebSocket and WebTransport; the first two
	// by default. WebTransport needs an additional HTTP/3 server: package engineio/webtransport
	// (rows 10 and 34).
	Transports []string
	// NoUpgrades keeps sessions on their first transport.
	NoUpgrades bool

	// Middlewares wrap the server, the first outermost. CORS comes before them, so they see no
	// preflights and pages can read their refusals. Each wraps once per configuration. Server.Use
	// adds more after them (row 33).
	Middlewares []Middleware
	// CORS answers pages of other origins; nil: no CORS headers (row 15).
	CORS *CORS
	// Cookie carries the session id on the answer to a handshake by polling; nil: no cookie (row
	// 12).
	Cookie *Cookie
	// InitialHeaders are added to the answers to handshakes, Headers to those of all polls, posts
	// and WebSocket handshakes. Refused requests do not get them; a middleware can add headers to
	// these too. Names must be in canonical form; those that the protocol itself uses, such as
	// Content-Type, are refused (row 16).
	InitialHeaders, Headers http.Header
	// OnInitialHeaders and OnHeaders may change the headers of such answers, after the fields above
	// are applied. They are called for several requests at once, before the answer is written, and
	// must not keep or change the request.
	OnInitialHeaders, OnHeaders func(http.Header, *http.Request)
	// InitialPacket is sent directly after the open packet, before anything that OnSession sends;
	// nil: none (row 11).
	InitialPacket *Message

	// NoHTTPCompression sends answers to polls uncompressed. Otherwise those of
	// HTTPCompressionThreshold bytes or more, 1024 by default, are compressed with gzip or deflate,
	// whichever the client prefers (row 17).
	NoHTTPCompression        bool
	HTTPCompressionThreshold int
	// PerMessageDeflate compresses WebSocket messages. If nil, it is off, since it costs much time
	// and memory for small messages.
	PerMessageDeflate *PerMessageDeflate

	// MaxSessions limits the sessions of the server, and with them the memory that a flood of
	// handshakes takes: a session whose client does not come back lives for PingInterval and
	// PingTimeout. Further handshakes are refused with 503, code 4 and Retry-After. 0: no limit.
	MaxSessions int
	// MaxSessionsPerAddress and MaxUnadmittedPerAddress limit the sessions of a client's address,
	// and those of them that are not admitted (Session.SetAdmitted). Further handshakes are refused
	// with 429, code 4 and Retry-After. The first 64 bits of an IPv6 address count. 0: no limit.
	MaxSessionsPerAddress   int
	MaxUnadmittedPerAddress int
	// HandshakesPerSecond and HandshakeBurst limit the rate of handshakes by a token bucket of
	// HandshakeBurst tokens, two seconds' worth by default. A handshake without a token is refused
	// with 503, code 4 and a Retry-After of one to five seconds, before AllowRequest is called.
	// Requests of existing sessions take no token. 0: no limit.
	HandshakesPerSecond int
	HandshakeBurst      int
	// MaxQueueBytes and MaxQueueMessages limit the queue of one client: 4 MiB and 16,384 by
	// default. A session that is sent more while that much waits is closed with ReasonSlowConsumer.
	MaxQueueBytes    int
	MaxQueueMessages int

	// NewID makes the id of a session: unguessable, unique, and free of characters that a URL must
	// escape. The default is 20 characters of base64url from crypto/rand. An error is answered with
	// 400, code 3, and so is an id that is empty or in use (row 9).
	NewID func() (string, error)
	// AllowRequest may refuse a handshake. A *Refusal determines the answer; any other error is
	// answered with 403, code 4 and its text (rows 6 and 8). nil: all are accepted.
	AllowRequest func(*http.Request) error
	// OnRefused is called for each refused handshake, like Node's connection_error event. It may be
	// called concurrently and must not block. It may be nil.
	OnRefused func(RefusedHandshake)
	// RequestIDHeader is the header in which a proxy names the handshake's request, in canonical
	// form, for logs; empty: none. The caller removes it where clients may have written it.
	RequestIDHeader string
	// SessionContext returns the context from which Session.Context derives, for the request of a
	// handshake. nil: the request's own context, except that it ends with the session rather than
	// the request. A server whose sessions need no values saves about 400 bytes per session by
	// returning context.Background().
	SessionContext func(*http.Request) context.Context
	// OnSession is called once per handshake, before anything is received, and returns the handler
	// of the session. It may already send: the client receives that directly after the open packet.
	// Required.
	OnSession func(*Session) Handler
	// ErrorLog receives errors of the server's side, such as a panic of a handler. Default:
	// slog.Default().
	ErrorLog *slog.Logger
	// OnPanic is called with the place, one of PanicPlaces, of each panic that has ended one client
	// rather than the process; ErrorLog has the stack. The OnPanic of a Server's first
	// configuration is used.
	OnPanic func(place string)
	// OnWritten is called, for one message to a client in 64 that are sent by SendSoon, with the
	// time from then until it was written, as far as the client could take it. It must not block.
	// The OnWritten of a Server's first configuration is used; nil costs nothing.
	OnWritten func(time.Duration)
}

// Handler receives the events of one session. Its calls come one at a time and in order, and
// without a lock of the session held, so a Handler may send and close. A slow call delays only its
// own client: the messages, and the answers to pings, unless the call begins with Session.MayWait.
type Handler interface {
	// OnMessage receives one message. The data belongs to the handler.
	OnMessage(data []byte, binary bool)
	// OnClose is called exactly once, after the last OnMessage has returned or called
	// Session.MayWait, and never from within Close or Send. The error has details beyond the
	// reason, or is nil.
	OnClose(reason CloseReason, err error)
}

// UpgradeListener is a Handler that is notified of an upgrade: the session continues over another
// transport, WebSocket or WebTransport. The call comes between those of OnMessage, and must not
// wait.
type UpgradeListener interface {
	OnUpgrade(transport string)
}

// PerMessageDeflate allows WebSocket messages to be compressed (RFC 7692), each on its own ("no
// context takeover"), so that a message to many is compressed once, and an idle connection keeps no
// window. Incoming messages may be compressed too; MaxPayload applies to their inflated size.
type PerMessageDeflate struct {
	// Threshold is the minimum size in bytes of compressed messages, 1024 by default.
	Threshold int
}

func (d *PerMessageDeflate) check() error {
	if d != nil && d.Threshold < 0 {
		return fmt.Errorf("configure engine.io: negative threshold %d for websocket compression", d.Threshold)
	}
	return nil
}

// threshold returns the minimum size of compressed messages on a connection, 0 for no compression.
func (d *PerMessageDeflate) threshold(r *http.Request) int {
	if d == nil || !websocket.AcceptsDeflate(r.Header.Values("Sec-Websocket-Extensions")) {
		return 0
	}
	return cmp.Or(d.Threshold, defaultCompressionThreshold)
}

// DetectionTime returns how long a connection may be dead before the server notices.
func (c *Config) DetectionTime() time.Duration {
	return cmp.Or(c.PingInterval, DefaultPingInterval) + cmp.Or(c.PingTimeout, DefaultPingTimeout)
}

// withDefaults returns the configuration with defaults for unset fields, or an error if it is
// invalid.
func (c Config) withDefaults() (Config, error) {
	c.Path = cmp.Or(c.Path, "/engine.io/")
	c.Path = strings.TrimSuffix(c.Path, "/")
	c.PingInterval = cmp.Or(c.PingInterval, DefaultPingInterval)
	c.PingTimeout = cmp.Or(c.PingTimeout, DefaultPingTimeout)
	c.UpgradeTimeout = cmp.Or(c.UpgradeTimeout, 10*time.Second)
	c.MaxPayload = cmp.Or(c.MaxPayload, DefaultMaxPayload)
	c.HTTPCompressionThreshold = cmp.Or(c.HTTPCompressionThreshold, defaultCompressionThreshold)
	c.HandshakeBurst = cmp.Or(c.HandshakeBurst, 2*c.HandshakesPerSecond)
	c.MaxQueueBytes = cmp.Or(c.MaxQueueBytes, 4<<20)
	c.MaxQueueMessages = cmp.Or(c.MaxQueueMessages, 16_384)
	if c.Transports == nil {
		c.Transports = []string{Polling, WebSocket}
	}
	if c.NewID == nil {
		c.NewID = randomID
	}
	c.ErrorLog = cmp.Or(c.ErrorLog, slog.Default())
	return c, c.check()
}

func (c Config) check() error {
	switch {
	case c.OnSession == nil:
		return errors.New("configure engine.io: OnSession is missing")
	case c.Path != "" && !strings.HasPrefix(c.Path, "/"):
		return fmt.Errorf("configure engine.io: path %q does not begin with a slash", c.Path)
	case len(c.Transports) == 0:
		return errors.New("configure engine.io: no transport")
	case c.PingInterval < 0 || c.PingTimeout < 0 || c.UpgradeTimeout < 0:
		return errors.New("configure engine.io: negative duration")
	case c.MaxPayload < 0, min(c.MaxQueueBytes, c.MaxQueueMessages, c.HTTPCompressionThreshold, c.MaxSessions, c.MaxSessionsPerAddress,
		c.MaxUnadmittedPerAddress, c.HandshakesPerSecond, c.HandshakeBurst) < 0:
		return errors.New("configure engine.io: negative limit")
	}
	for _, t := range c.Transports {
		if t != Polling && t != WebSocket && t != WebTransport {
			return fmt.Errorf("configure engine.io: unknown transport %q", t)
		}
	}
	return errors.Join(misconfigured(c.CORS.Check()), misconfigured(c.Cookie.Check()), c.PerMessageDeflate.check(),
		misconfigured(httpx.CheckHeaders(c.InitialHeaders)), misconfigured(httpx.CheckHeaders(c.Headers)))
}

func misconfigured(err error) error {
	if err != nil {
		err = fmt.Errorf("configure engine.io: %w", err)
	}
	return err
}

// serves reports whether the server serves a path. Config.Path has no trailing slash here.
func (c *Config) serves(path string) bool {
	rest, ok := strings.CutPrefix(path, c.Path)
	return ok && (strings.HasPrefix(rest, "/") || rest == "" && c.NoTrailingSlash)
}

// newID returns an id for a new session.
func (c *Config) newID() (string, error) {
	id, err := c.NewID()
	if err == nil && id == "" {
		err = errors.New("session id is empty")
	}
	if err != nil {
		c.ErrorLog.Error("engine.io handshake", "error", err)
	}
	return id, err
}

// newSessionContext returns the values of a handshake's request, nil if there are none.
func (c *Config) newSessionContext(r *http.Request) *lazycontext.Context {
	if c.SessionContext == nil {
		return &lazycontext.Context{Values: context.WithoutCancel(r.Context())}
	}
	ctx := c.SessionContext(r)
	if ctx == nil || ctx == context.Background() {
		return nil
	}
	return &lazycontext.Context{Values: ctx}
}

// upgrades returns the transports to which a session may upgrade from its first transport.
func (c Config) upgrades(transport string) []string {
	upgrades := []string{}
	if transport != Polling || c.NoUpgrades {
		return upgrades
	}
	for _, t := range []string{WebSocket, WebTransport} {
		if c.offers(t) {
			upgrades = append(upgrades, t)
		}
	}
	return upgrades
}

// randomID returns 120 random bits.
func randomID() (string, error) {
	var b [15]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make session id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
