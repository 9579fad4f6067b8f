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

// defaultCompressionThreshold is the size in bytes from which answers and messages are compressed: below it they
// fit a network packet or two either way.
const defaultCompressionThreshold = 1024

// DefaultMaxPayload is Config.MaxPayload unless it is set, in bytes.
const DefaultMaxPayload = 1_000_000

// Config is how a Server behaves. Zero values stand for the defaults of the reference implementation; NewServer and
// Reconfigure refuse negative times and limits, and what is named below. "Row 15" is what the test TestRow15… shows on the wire.
type Config struct {
	// Path is the prefix of the requests that are served, "/engine.io/" by default. Like the reference implementation, the
	// server puts a slash behind it where there is none, unless NoTrailingSlash is set: then "/engine.io" is served,
	// with and without a slash or more behind it. Other paths are answered 404, also to websockets: what the reference
	// calls destroyUpgrade is up to the http.ServeMux that knows the other paths (rows 13 and 14). A path that does not begin
	// with a slash is refused.
	Path            string
	NoTrailingSlash bool
	// PingInterval is the time between pings, 25 s by default (row 25).
	PingInterval time.Duration
	// PingTimeout is how long a client may take to answer a ping, 20 s by default.
	PingTimeout time.Duration
	// UpgradeTimeout is how long a probing websocket may take to complete the upgrade, and a WebTransport client to open
	// its stream; 10 s by default (rows 28 and 34).
	UpgradeTimeout time.Duration
	// AllowEIO3 also serves revision 3 of the protocol, which Socket.IO clients of 1.x and 2.x speak: Session.Protocol tells. There
	// the client pings, and is given up when PingInterval and PingTimeout have passed without one (row 35). Off by default:
	// such clients are answered 400, code 5 (row 7).
	AllowEIO3 bool
	// MaxPayload bounds the body of a POST and a websocket message, in bytes; 1,000,000 by default. A larger POST is answered
	// 413, and the session lives; a larger message closes the websocket with 1009 (row 21).
	MaxPayload int64
	// Transports are the transports that are offered: Polling, WebSocket and WebTransport; the first two by default.
	// WebTransport needs a server for HTTP/3 beside this one: package engineio/webtransport (rows 10 and 34).
	Transports []string
	// NoUpgrades keeps sessions on the transport that they began with.
	NoUpgrades bool

	// Middlewares wrap the server, the first outermost; CORS comes before them, so that they see no preflights and their
	// refusals can be read. Each wraps once per configuration. Server.Use adds more behind them (row 33).
	Middlewares []Middleware
	// CORS answers pages of other origins; nil: no CORS headers (row 15).
	CORS *CORS
	// Cookie carries the session id on the answer to a handshake by polling; nil: no cookie (row 12).
	Cookie *Cookie
	// InitialHeaders are added to the answers to handshakes, Headers to those of all polls, posts and websocket
	// handshakes. Refused requests do not get them; a middleware can give headers to them too. Names must be in canonical
	// form; those that the protocol needs itself, such as Content-Type, are refused (row 16).
	InitialHeaders, Headers http.Header
	// OnInitialHeaders and OnHeaders may change the headers of such answers, after the fields above. They are called
	// for several requests at once, before the answer is written, and may not keep or change the request.
	OnInitialHeaders, OnHeaders func(http.Header, *http.Request)
	// InitialPacket is sent right behind the open packet, before anything that OnSession sends; nil: none (row 11).
	InitialPacket *Message

	// NoHTTPCompression sends answers to polls as they are. Otherwise those of HTTPCompressionThreshold bytes or more, 1024 by
	// default, are compressed with gzip or deflate, whichever the client likes better (row 17).
	NoHTTPCompression        bool
	HTTPCompressionThreshold int
	// PerMessageDeflate compresses websocket messages; nil: off, as it costs much time and memory for small messages.
	PerMessageDeflate *PerMessageDeflate

	// MaxSessions bounds the sessions of the server, and with them the memory that a flood of handshakes takes: one that nobody
	// comes back to lives for PingInterval and PingTimeout. More are refused with 503, code 4 and Retry-After. 0: no bound.
	MaxSessions int
	// HandshakesPerSecond and HandshakeBurst bound how fast sessions begin: a bucket holds HandshakeBurst tokens, two seconds' worth
	// by default, and is filled at this rate; a handshake takes one. Without one it is refused with 503, code 4 and a
	// Retry-After of one to five seconds, before AllowRequest is asked. Requests of living sessions take none. 0: no bound.
	HandshakesPerSecond int
	HandshakeBurst      int
	// MaxQueueBytes and MaxQueueMessages bound what waits for one client: 4 MiB and 16,384 by default. Who is to be sent
	// more while that much waits is closed with ReasonSlowConsumer.
	MaxQueueBytes    int
	MaxQueueMessages int

	// NewID makes a session's id: unguessable, unique, free of characters that a URL must escape.
	// The default is 20 characters of base64url from crypto/rand. Its error is answered with 400, code 3, and so is an id that
	// is empty or in use (row 9).
	NewID func() (string, error)
	// AllowRequest may refuse a handshake. A *Refusal says how it is answered; any other error is
	// answered with 403, code 4 and its text (rows 6 and 8). nil: all are allowed.
	AllowRequest func(*http.Request) error
	// OnRefused is told of each handshake that is refused, as Node's connection_error. Many may be at once, and it may not block.
	// nil: nobody.
	OnRefused func(RefusedHandshake)
	// SessionContext makes the context from which Session.Context derives, of the request of a handshake.
	// nil: the request's own, which ends with the session and not with the request. A server whose
	// sessions need no values saves about 400 bytes for each by returning context.Background().
	SessionContext func(*http.Request) context.Context
	// OnSession is called once per handshake, before anything is received, and returns who receives it.
	// It may send already: the client reads that right behind the open packet. Required.
	OnSession func(*Session) Handler
	// ErrorLog takes what is wrong on the server's side, such as a handler's panic. Default: slog.Default().
	ErrorLog *slog.Logger
	// OnPanic is told the place of each panic that has ended one client and not the process, of
	// PanicPlaces; ErrorLog has its stack. That of a Server's first configuration counts.
	OnPanic func(place string)
}

// Handler receives what one session brings. The calls for one session come one at a time and in order, under no lock
// of the session, so that a Handler may send and close. A call that takes its time holds up that client alone: its messages, and
// its answers to pings, unless the call begins with Session.MayWait.
type Handler interface {
	// OnMessage takes one message. The data belongs to the handler.
	OnMessage(data []byte, binary bool)
	// OnClose is called exactly once, after the last OnMessage has begun, and has returned unless it has called
	// Session.MayWait; never from within Close or Send. The error says more than the reason where there is more to say, else it is nil.
	OnClose(reason CloseReason, err error)
}

// UpgradeListener is a Handler that is told of an upgrade: the session goes on over another transport, WebSocket or WebTransport.
// The call comes between those of OnMessage, and must not wait.
type UpgradeListener interface {
	OnUpgrade(transport string)
}

// PerMessageDeflate lets websocket messages be compressed (RFC 7692), each on its own ("no context takeover"), so that a message
// to many is compressed once, and an idle connection keeps no window. What comes in may be compressed too;
// MaxPayload holds for its inflated size.
type PerMessageDeflate struct {
	// Threshold is the size in bytes from which a message is compressed, 1024 by default.
	Threshold int
}

func (d *PerMessageDeflate) check() error {
	if d != nil && d.Threshold < 0 {
		return fmt.Errorf("configure engine.io: negative threshold %d for websocket compression", d.Threshold)
	}
	return nil
}

// threshold is the size from which messages of a connection are compressed, 0 for never.
func (d *PerMessageDeflate) threshold(r *http.Request) int {
	if d == nil || !websocket.AcceptsDeflate(r.Header.Values("Sec-Websocket-Extensions")) {
		return 0
	}
	return cmp.Or(d.Threshold, defaultCompressionThreshold)
}

// DetectionTime is how long a connection may be dead before the server notices.
func (c *Config) DetectionTime() time.Duration {
	return cmp.Or(c.PingInterval, DefaultPingInterval) + cmp.Or(c.PingTimeout, DefaultPingTimeout)
}

// withDefaults fills in what is not set, and checks the rest.
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
	case c.MaxPayload < 0 || c.MaxQueueBytes < 0 || c.MaxQueueMessages < 0 || c.HTTPCompressionThreshold < 0 || c.MaxSessions < 0,
		c.HandshakesPerSecond < 0 || c.HandshakeBurst < 0:
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

// serves reports whether a path is one of the server's. Config.Path has no trailing slash here.
func (c *Config) serves(path string) bool {
	rest, ok := strings.CutPrefix(path, c.Path)
	return ok && (strings.HasPrefix(rest, "/") || rest == "" && c.NoTrailingSlash)
}

// newID makes the id of a session.
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

// newSessionContext keeps the values of a handshake's request. It returns nil if there are none.
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

// upgrades are the transports that a session which began with this one may change to.
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

// randomID is 120 random bits.
func randomID() (string, error) {
	var b [15]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make session id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
