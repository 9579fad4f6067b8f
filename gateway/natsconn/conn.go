// SPDX-License-Identifier: Apache-2.0

// Package natsconn is a gateway's connection to NATS. It does not end before it is closed: it reads
// its credentials at each attempt to connect, and tries again whatever the reason why one has
// failed. It knows whether NATS still answers, and why it is not connected.
//
// What comes in and what goes out waits in queues that are bounded in bytes: an Inbox for several
// subscriptions, and an Outgoing for all that is published.
package natsconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// requestRetry is the pause between two tries to send a request without a connection.
const requestRetry = 50 * time.Millisecond

// Options configure a connection. URLs are needed.
type Options struct {
	// Name names the connection in NATS's own monitoring.
	Name string
	// URLs of the NATS servers.
	URLs []string
	// CredentialsDir holds what the servers ask for; see credentials. Empty: nothing.
	CredentialsDir string
	// Answers is how many messages may wait on a subscription that is read one by one.
	Answers int
	// OnError is told what the client library reports, after it was logged; nil: nobody is.
	OnError func(error)
	// Log gets the state of the connection.
	Log *slog.Logger
	// PingInterval is how often NATS is asked for a sign of life by the client library,
	// DefaultPingInterval if zero.
	PingInterval time.Duration
	// ReconnectWait is the pause, and the jitter on top, between two tries to connect to a server,
	// DefaultReconnectWait if zero.
	ReconnectWait time.Duration
}

// Conn is a connection, or what will be one: it may be used before NATS is there. Safe for
// concurrent use. Close ends it.
type Conn struct {
	options Options
	log     *slog.Logger
	handed  handedCredentials
	nc      *nats.Conn // set by Connect

	// up is told when NATS is there, and when it is there again.
	up chan struct{}
	// attempts counts the tries to connect again, dials those that a server took. Unlike what
	// callbacks tell after, dials grows before anything comes in on the new connection; and until
	// then what came in on the old one still counts.
	attempts, dials atomic.Uint64
	// reached is true from the first connection on.
	reached atomic.Bool
	// live tells whether NATS is connected, a moment after it has changed. Unlike the connection
	// itself it never waits for a write that is blocked.
	live atomic.Bool
	// heard is when NATS last answered, in Unix nanoseconds.
	heard atomic.Int64
	// maxPayload is the largest message that the server takes; 0 before the first connection.
	maxPayload atomic.Int64
	// leaving is true when the connection is about to be closed.
	leaving atomic.Bool
	// closed is closed when the client library has given the connection up, ended if nobody has
	// asked for it.
	closed, ended chan struct{}

	mu sync.Mutex
	// problem is why the last attempt to connect failed; nil while NATS is connected. Guarded by
	// mu.
	problem error
	// told is the problem that was logged last, so that one that recurs is logged once. Guarded by
	// mu.
	told string
}

// New makes a connection that does nothing before Connect.
func New(o Options) *Conn {
	if o.PingInterval == 0 {
		o.PingInterval = DefaultPingInterval
	}
	if o.ReconnectWait == 0 {
		o.ReconnectWait = DefaultReconnectWait
	}
	return &Conn{
		options: o, log: o.Log, handed: handedCredentials{dir: o.CredentialsDir},
		up: make(chan struct{}, 1), closed: make(chan struct{}), ended: make(chan struct{}),
	}
}

// Connect begins to connect. It returns at once, whether NATS is there or not. An error means that
// it never will be, as for a URL that is none. It is called once, before anything but
// PublisherOptions.
func (c *Conn) Connect() error {
	nc, err := nats.Connect(strings.Join(c.options.URLs, ","), c.connectOptions()...)
	if err != nil {
		return fmt.Errorf("connect to NATS at %s: %w", redactURLs(c.options.URLs), withoutURL(err))
	}
	c.nc = nc
	if nc.IsConnected() { // the callback comes a moment later
		c.maxPayload.Store(nc.MaxPayload())
		c.live.Store(true)
	}
	return nil
}

// NATS is the connection of the client library.
func (c *Conn) NATS() *nats.Conn { return c.nc }

// Leave says that the connection is about to be closed, so that nobody is alarmed if it ends
// before.
func (c *Conn) Leave() { c.leaving.Store(true) }

// Close ends the connection. It must be connected, in the sense of Connect.
func (c *Conn) Close() {
	c.Leave()
	c.nc.Close()
	<-c.closed
}

// Up is told when NATS is there, and when it is there again. There may be one reader.
func (c *Conn) Up() <-chan struct{} { return c.up }

// Attempts is how often it was tried to connect again.
func (c *Conn) Attempts() uint64 { return c.attempts.Load() }

// Dials is how often a server took the connection. It grows before anything comes in on the new
// one.
func (c *Conn) Dials() uint64 { return c.dials.Load() }

// Live tells whether NATS is connected, a moment after that has changed. Unlike Connected it never
// waits for a write that is blocked.
func (c *Conn) Live() bool { return c.live.Load() }

// MaxPayload is the largest message that the server takes, in bytes; 0 before the first connection.
func (c *Conn) MaxPayload() int64 { return c.maxPayload.Load() }

// Connected tells whether NATS is connected now.
func (c *Conn) Connected() bool { return c.nc.IsConnected() }

// Reached tells whether NATS was connected at some time.
func (c *Conn) Reached() bool { return c.reached.Load() }

// Status is NATS's word for the state of the connection, in lower case: connected, reconnecting and
// so on.
func (c *Conn) Status() string { return strings.ToLower(c.nc.Status().String()) }

// Problem says why NATS is not connected; it is empty while it is.
func (c *Conn) Problem() string {
	if c.Connected() {
		return ""
	}
	if err := c.why(); err != nil {
		return err.Error()
	}
	return "the connection to NATS has not been made yet"
}

// Ended is closed when the connection has ended for good though nobody has called Close, as after
// an error that the client library does not know. Nothing mends it but a new process.
func (c *Conn) Ended() <-chan struct{} { return c.ended }

// Ping asks NATS for a sign of life, for so long.
func (c *Conn) Ping(within time.Duration) {
	if c.nc.IsConnected() && c.nc.FlushTimeout(within) == nil {
		c.hears(time.Now())
	}
}

// HeardSince tells whether NATS has answered a Ping, or connected, since a time.
func (c *Conn) HeardSince(t time.Time) bool { return c.heard.Load() >= t.UnixNano() }

func (c *Conn) hears(now time.Time) { c.heard.Store(now.UnixNano()) }

// SetCredentials hands over what NATS asks for, in place of the username and password in
// Options.CredentialsDir as they are now. The next attempt to connect uses it; a connection that is
// there stays.
func (c *Conn) SetCredentials(username, password string) { c.handed.set(username, password) }

// PublishRequest publishes a request, and waits for NATS to do so until the context ends.
func (c *Conn) PublishRequest(ctx context.Context, subject, reply string, data []byte) error {
	return c.whenConnected(ctx, func() error { return c.nc.PublishRequest(subject, reply, data) })
}

// Request is PublishRequest with one answer.
func (c *Conn) Request(ctx context.Context, subject string, data []byte) (msg *nats.Msg, err error) {
	err = c.whenConnected(ctx, func() error {
		msg, err = c.nc.RequestWithContext(ctx, subject, data)
		return err
	})
	return msg, err
}

// whenConnected calls a function again while it fails for want of a connection.
func (c *Conn) whenConnected(ctx context.Context, f func() error) error {
	for {
		err := f()
		if !errors.Is(err, nats.ErrReconnectBufExceeded) {
			return err
		}
		select {
		case <-time.After(requestRetry):
		case <-ctx.Done():
			return fmt.Errorf("wait for NATS: %w", ctx.Err())
		case <-c.closed:
			return err
		}
	}
}

// withoutURL drops the URL from an error of the standard library, which has it as it was given.
func withoutURL(err error) error {
	var parse *url.Error
	if errors.As(err, &parse) {
		return parse.Err
	}
	return err
}
