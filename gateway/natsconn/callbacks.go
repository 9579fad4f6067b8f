// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"errors"
	"net"
	"time"

	"github.com/nats-io/nats.go"
)

// handlers returns the callbacks of the client library.
func (c *Conn) handlers() []nats.Option {
	return []nats.Option{
		nats.ReconnectToServer(func([]nats.Server, nats.ServerInfo) (*nats.Server, time.Duration) {
			c.attempts.Add(1)
			return nil, 0 // the library chooses
		}),
		nats.SetCustomDialer(countingDialer{conn: c, dialer: net.Dialer{Timeout: nats.DefaultTimeout}}),
		nats.ConnectHandler(func(nc *nats.Conn) { c.connected(nc, "connected to NATS") }),
		nats.ReconnectHandler(func(nc *nats.Conn) { c.connected(nc, "reconnected to NATS") }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			c.live.Store(false)
			if err != nil {
				c.log.Warn("lost NATS; clients of other gateways are out of reach until it is back", "error", err)
				c.failed(err)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { c.failed(err) }),
		nats.ErrorHandler(func(nc *nats.Conn, _ *nats.Subscription, err error) {
			c.report(nc, err)
			if c.options.OnError != nil {
				c.options.OnError(err)
			}
		}),
		nats.ClosedHandler(c.end),
	}
}

// countingDialer counts the connections that a server has accepted.
type countingDialer struct {
	conn   *Conn
	dialer net.Dialer
}

// Dial opens a connection.
func (d countingDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.dialer.Dial(network, address)
	if err == nil {
		d.conn.dials.Add(1)
	}
	return conn, err
}

func (c *Conn) connected(nc *nats.Conn, event string) {
	c.log.Info(event, "server", redactURLs([]string{nc.ConnectedUrl()})) // ConnectedUrlRedacted shows a token
	c.live.Store(true)
	c.hears(time.Now())
	c.mu.Lock()
	c.problem, c.told, c.denied = nil, [5]time.Time{}, ""
	c.mu.Unlock()
	c.maxPayload.Store(nc.MaxPayload())
	c.reached.Store(true)
	select {
	case c.up <- struct{}{}:
	default: // it is already going to be handled
	}
}

// failed stores the reason why an attempt to connect has failed, and logs it: at once the first
// time that it is of its kind, and then once a minute.
func (c *Conn) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problem = err
	told, now := &c.told[causeOf(err)], time.Now()
	if told.IsZero() || now.Sub(*told) >= repeatNotice {
		*told = now
		c.log.Warn("cannot connect to NATS yet", "servers", redactURLs(c.options.URLs), "error", err, "attempts", c.attempts.Load()+1)
	}
}

// report handles other errors of the client library.
func (c *Conn) report(nc *nats.Conn, err error) {
	switch {
	case errors.Is(err, nats.ErrSlowConsumer):
		c.log.Error("this gateway is too slow for what NATS sends; messages are dropped", "error", err)
	case !nc.IsConnected():
		c.failed(err)
	case errors.Is(err, nats.ErrPermissionViolation):
		c.mu.Lock()
		c.denied = denial(err)
		c.mu.Unlock()
		c.log.Error("NATS does not permit what the gateway needs", "denied", denial(err))
	default:
		c.log.Error("NATS reports an error", "error", err)
	}
}

// end is called when the client library has given the connection up, which only Close should cause.
func (c *Conn) end(nc *nats.Conn) {
	if !c.leaving.Load() {
		c.log.Error("the connection to NATS has ended for good", "error", nc.LastError())
		close(c.ended)
	}
	close(c.closed)
}

// why returns the reason why NATS is not connected, as far as it is known. The client library
// reports attempts that no server has accepted, and others after the first connection, by
// callbacks; all others are its last error.
func (c *Conn) why() error {
	if err := c.nc.LastError(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problem
}
