// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// link is the state of the connection to NATS, as the client library's callbacks tell it. Safe for
// concurrent use.
type link struct {
	log *slog.Logger
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
	// heard is when NATS last answered, in Unix nanoseconds; see Cluster.beat.
	heard atomic.Int64
	// maxPayload is the largest message that the server takes; 0 before the first connection.
	maxPayload atomic.Int64
	// ended is closed when the client library has given the connection up, which only Close should
	// bring about.
	ended chan struct{}

	mu sync.Mutex
	// problem is why the last attempt to connect failed; nil while NATS is connected. Guarded by
	// mu.
	problem error
	// told is the problem that was logged last, so that one that recurs is logged once. Guarded by
	// mu.
	told string
}

func newLink(log *slog.Logger) *link {
	return &link{log: log, up: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (l *link) handlers() []nats.Option {
	return []nats.Option{
		nats.ReconnectToServer(func([]nats.Server, nats.ServerInfo) (*nats.Server, time.Duration) {
			l.attempts.Add(1)
			return nil, 0 // the library chooses
		}),
		nats.SetCustomDialer(linkDialer{link: l, dialer: net.Dialer{Timeout: nats.DefaultTimeout}}),
		nats.ConnectHandler(func(nc *nats.Conn) { l.connected(nc, "connected to NATS") }),
		nats.ReconnectHandler(func(nc *nats.Conn) { l.connected(nc, "reconnected to NATS") }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			l.live.Store(false)
			if err != nil {
				l.log.Warn("lost NATS; clients of other gateways are out of reach until it is back", "error", err)
				l.failed(err)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { l.failed(err) }),
		nats.ClosedHandler(func(*nats.Conn) { close(l.ended) }),
	}
}

// linkDialer counts the connections of a link.
type linkDialer struct {
	link   *link
	dialer net.Dialer
}

// Dial opens a connection.
func (d linkDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.dialer.Dial(network, address)
	if err == nil {
		d.link.dials.Add(1)
	}
	return conn, err
}

func (l *link) connected(nc *nats.Conn, event string) {
	l.log.Info(event, "server", redactURLs([]string{nc.ConnectedUrl()})) // ConnectedUrlRedacted shows a token
	l.live.Store(true)
	l.hears(time.Now())
	l.mu.Lock()
	l.problem, l.told = nil, ""
	l.mu.Unlock()
	l.maxPayload.Store(nc.MaxPayload())
	l.reached.Store(true)
	select {
	case l.up <- struct{}{}:
	default: // it is going to be looked at
	}
}

// failed takes the reason why an attempt to connect has failed.
func (l *link) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problem = err
	if text := err.Error(); text != l.told {
		l.told = text
		l.log.Warn("cannot connect to NATS yet", "error", err)
	}
}

// error takes what the client library reports besides.
func (l *link) error(nc *nats.Conn, err error) {
	switch {
	case errors.Is(err, nats.ErrSlowConsumer):
		l.log.Error("this gateway is too slow for what NATS sends; messages are dropped", "error", err)
	case !nc.IsConnected():
		l.failed(err)
	default:
		l.log.Error("NATS reports an error", "error", err)
	}
}

// why is the reason why NATS is not connected, as far as it is known. The client library tells
// callbacks of attempts that no server has taken, and of others after the first connection; all
// others are its last error.
func (l *link) why(nc *nats.Conn) error {
	if err := nc.LastError(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.problem
}

// hears notes that NATS has answered.
func (l *link) hears(now time.Time) { l.heard.Store(now.UnixNano()) }

// silentSince tells whether NATS has not answered since a time.
func (l *link) silentSince(t time.Time) bool { return l.heard.Load() < t.UnixNano() }

// Reached tells whether NATS, and the log of a service with recovery, could be used at some time.
func (c *Cluster) Reached() bool {
	if c.events != nil {
		return c.events.WasReady()
	}
	return c.link.reached.Load()
}

// Problem says why NATS is not connected; it is empty while it is.
func (c *Cluster) Problem() string {
	if c.Connected() {
		return ""
	}
	if err := c.link.why(c.nc); err != nil {
		return err.Error()
	}
	return "the connection to NATS has not been made yet"
}

// Ended is closed when the connection has ended for good though nobody has called Close, as after
// an error that the client library does not know. Nothing mends it but a new process.
func (c *Cluster) Ended() <-chan struct{} { return c.ended }

// watchEnd tells an end that Close has not brought about. It runs until the connection ends.
func (c *Cluster) watchEnd() {
	<-c.link.ended
	if c.leaving.Load() {
		return
	}
	c.log.Error("the connection to NATS has ended for good", "error", c.nc.LastError())
	close(c.ended)
}
