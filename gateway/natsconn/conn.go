// SPDX-License-Identifier: Apache-2.0

// Package natsconn is a gateway's connection to NATS. It does not end before it is closed: it reads
// its credentials at each attempt to connect, and tries again for whatever reason one has failed.
// It knows whether NATS still answers, and why it is not connected.
//
// Incoming and outgoing messages wait in queues that are bounded in bytes: an Inbox for several
// subscriptions, and an Outgoing for everything that is published.
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
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/internal/latency"
)

// requestRetry is the pause between two attempts to send a request without a connection.
const requestRetry = 50 * time.Millisecond

// Options configure a connection. URLs are required.
type Options struct {
	// Name is the name of the connection in the monitoring of NATS.
	Name string
	// URLs are the addresses of the NATS servers.
	URLs []string
	// CredentialsDir has the credentials for the servers; see credentials. Empty: none.
	CredentialsDir string
	// Dialer connects to the servers in place of TCP; nil: TCP.
	Dialer nats.CustomDialer
	// Answers is how many messages may wait on a subscription that is read one by one.
	Answers int
	// OnError is called with errors that the client library reports, after they were logged; it may
	// be nil.
	OnError func(error)
	// Log receives the state of the connection.
	Log *slog.Logger
	// PingInterval is how often the client library pings NATS; DefaultPingInterval if zero.
	PingInterval time.Duration
	// ReconnectWait is the pause, and the maximum additional jitter, between two attempts to
	// connect to a server; DefaultReconnectWait if zero.
	ReconnectWait time.Duration
}

// Conn is a connection, which may be used before it is established. Safe for concurrent use. Close
// ends it.
type Conn struct {
	options Options
	log     *slog.Logger
	handed  handedCredentials
	nc      *nats.Conn // set by Connect

	// up is sent to when NATS is connected, or connected again.
	up chan struct{}
	// attempts counts the attempts to reconnect, and dials those that a server has accepted. dials
	// increases before anything arrives on the new connection, while callbacks come later; and
	// until then arrivals on the old one still count.
	attempts, dials atomic.Uint64
	// reached is true from the first connection on.
	reached atomic.Bool
	// live reports whether NATS is connected, a moment after it has changed. Unlike the connection
	// itself it never waits for a blocked write.
	live atomic.Bool
	// heard is when NATS last answered, in Unix nanoseconds.
	heard atomic.Int64
	// maxPayload is the size of the largest message that the server accepts; 0 before the first
	// connection.
	maxPayload atomic.Int64
	// leaving is true when the connection is about to be closed.
	leaving atomic.Bool
	// closed is closed when the client library has given the connection up; ended is closed if
	// nobody has asked for it.
	closed, ended chan struct{}

	mu sync.Mutex
	// problem is why the last attempt to connect failed; nil while NATS is connected. Guarded by
	// mu.
	problem error
	// told is when a problem of each cause was last logged. Guarded by mu.
	told [5]time.Time
	// denied is what NATS does not permit; empty if it permits everything. Guarded by mu.
	denied string

	roundTrips prometheus.Histogram

	// notice is firstNotice; noticing reports the first attempts when it is over.
	notice   time.Duration
	noticing *time.Timer // set by Connect
}

// New returns a connection that does nothing before Connect.
func New(o Options) *Conn {
	if o.PingInterval == 0 {
		o.PingInterval = DefaultPingInterval
	}
	if o.ReconnectWait == 0 {
		o.ReconnectWait = DefaultReconnectWait
	}
	return &Conn{
		options: o, log: o.Log, handed: handedCredentials{dir: o.CredentialsDir},
		notice: firstNotice,
		roundTrips: latency.New("realtime_nats_round_trip_seconds",
			"Time that NATS takes to answer a ping of the gateway, behind what waits to be sent to it."),
		up: make(chan struct{}, 1), closed: make(chan struct{}), ended: make(chan struct{}),
	}
}

// Connect begins to connect. It returns at once, whether NATS is reachable or not. An error means
// that it never can connect, for example because a URL is invalid. It is called once, before
// anything but PublisherOptions.
func (c *Conn) Connect() error {
	c.noticing = time.AfterFunc(c.notice, func() {
		if !c.reached.Load() && c.untold() {
			c.failed(errNoAnswer)
		}
	})
	nc, err := nats.Connect(strings.Join(c.options.URLs, ","), c.connectOptions()...)
	if err != nil {
		c.noticing.Stop()
		return fmt.Errorf("connect to NATS at %s: %w", redactURLs(c.options.URLs), withoutURL(err))
	}
	c.nc = nc
	if nc.IsConnected() { // the callback comes a moment later
		c.maxPayload.Store(nc.MaxPayload())
		c.live.Store(true)
	}
	return nil
}

// untold reports whether no failure to connect was reported yet.
func (c *Conn) untold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problem == nil
}

// NATS returns the connection of the client library.
func (c *Conn) NATS() *nats.Conn { return c.nc }

// Leave states that the connection is about to be closed, so that an earlier end is not reported.
func (c *Conn) Leave() { c.leaving.Store(true) }

// Close ends the connection. Connect must have been called.
func (c *Conn) Close() {
	c.Leave()
	c.noticing.Stop()
	c.nc.Close()
	<-c.closed
}

// Up returns a channel that receives when NATS is connected, or connected again. There may be one
// reader.
func (c *Conn) Up() <-chan struct{} { return c.up }

// Attempts returns the number of attempts to reconnect.
func (c *Conn) Attempts() uint64 { return c.attempts.Load() }

// Dials returns how often a server has accepted the connection. It increases before anything
// arrives on the new one.
func (c *Conn) Dials() uint64 { return c.dials.Load() }

// Live reports whether NATS is connected, a moment after that has changed. Unlike Connected it
// never waits for a blocked write.
func (c *Conn) Live() bool { return c.live.Load() }

// MaxPayload returns the size of the largest message that the server accepts, in bytes; 0 before
// the first connection.
func (c *Conn) MaxPayload() int64 { return c.maxPayload.Load() }

// Connected reports whether NATS is connected now.
func (c *Conn) Connected() bool { return c.nc.IsConnected() }

// Reached reports whether NATS was connected at some time.
func (c *Conn) Reached() bool { return c.reached.Load() }

// Status returns the state of the connection in the words of NATS, in lower case: connected,
// reconnecting and so on.
func (c *Conn) Status() string { return strings.ToLower(c.nc.Status().String()) }

// Problem returns the reason why NATS is not connected; it is empty while it is.
func (c *Conn) Problem() string {
	if c.Connected() {
		return ""
	}
	if err := c.why(); err != nil {
		return err.Error()
	}
	return "the connection to NATS has not been made yet"
}

// Ended is closed when the connection has ended for good without Close, for example after an error
// that the client library does not know. Only a new process can connect again.
func (c *Conn) Ended() <-chan struct{} { return c.ended }

// Ping pings NATS, and waits for the answer within a time.
func (c *Conn) Ping(within time.Duration) {
	begin := time.Now()
	if c.nc.IsConnected() && c.nc.FlushTimeout(within) == nil {
		now := time.Now()
		c.hears(now)
		c.roundTrips.Observe(now.Sub(begin).Seconds())
	}
}

// RoundTrips returns a metric of how long NATS takes to answer Ping.
func (c *Conn) RoundTrips() prometheus.Collector { return c.roundTrips }

// HeardSince reports whether NATS has answered a Ping, or connected, since a time.
func (c *Conn) HeardSince(t time.Time) bool { return c.heard.Load() >= t.UnixNano() }

func (c *Conn) hears(now time.Time) { c.heard.Store(now.UnixNano()) }

// SetCredentials sets the username and password for NATS, in place of the present ones in
// Options.CredentialsDir. The next attempt to connect uses them; an open connection stays.
func (c *Conn) SetCredentials(username, password string) { c.handed.set(username, password) }

// PublishRequest publishes a request, and waits until NATS has it or the context ends.
func (c *Conn) PublishRequest(ctx context.Context, subject, reply string, data []byte) error {
	return c.whenConnected(ctx, func() error { return c.nc.PublishRequest(subject, reply, data) })
}

// Request is PublishRequest for a request with one answer.
func (c *Conn) Request(ctx context.Context, request *nats.Msg) (msg *nats.Msg, err error) {
	err = c.whenConnected(ctx, func() error {
		msg, err = c.nc.RequestMsgWithContext(ctx, request)
		return err
	})
	return msg, err
}

// whenConnected calls a function again as long as it fails because there is no connection.
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

// withoutURL removes the URL from an error of the standard library, which has it with its secrets.
func withoutURL(err error) error {
	var parse *url.Error
	if errors.As(err, &parse) {
		return parse.Err
	}
	return err
}
