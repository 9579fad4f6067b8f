// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// DefaultReconnectWait is the pause between two attempts at one server. The same amount of
	// jitter keeps gateways from connecting at the same time.
	DefaultReconnectWait = 500 * time.Millisecond
	// DefaultPingInterval and pingsUnanswered bound how long a connection that has gone silent
	// without being closed, for example because a node was lost, is considered live: nine seconds.
	DefaultPingInterval = 3 * time.Second
	pingsUnanswered     = 2
	// writeTimeout bounds how long a write to such a connection blocks.
	writeTimeout = 2 * time.Second
	// noReconnectBuffer makes the client library refuse what is published without a connection; see
	// Outgoing.
	noReconnectBuffer = -1
)

// connectOptions configure a connection that never gives up (by default the client closes for good
// after 60 attempts, or after two refusals of its credentials) and that does not receive its own
// messages.
func (c *Conn) connectOptions() []nats.Option {
	o := &c.options
	options := []nats.Option{
		nats.Name(o.Name),
		nats.NoEcho(),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(o.ReconnectWait),
		nats.ReconnectJitter(o.ReconnectWait, o.ReconnectWait),
		nats.ReconnectBufSize(noReconnectBuffer),
		nats.PingInterval(o.PingInterval),
		nats.SyncQueueLen(o.Answers),
		nats.MaxPingsOutstanding(pingsUnanswered),
		nats.FlusherTimeout(writeTimeout),
		nats.ReconnectOnFlusherError(),
	}
	return append(append(options, c.handlers()...), c.reachOptions(c.failed)...)
}

// reachOptions let a connection reach the servers and authenticate.
func (c *Conn) reachOptions(failed func(error)) []nats.Option {
	options := c.credentialOptions(failed)
	if c.options.Dialer != nil {
		options = append(options, nats.SetCustomDialer(c.options.Dialer))
	}
	return options
}

// PublisherOptions configure an additional connection, with the same servers and credentials, that
// is not repaired. The purpose is a part of its name; the timeout bounds an attempt to connect.
func (c *Conn) PublisherOptions(purpose string, timeout time.Duration) []nats.Option {
	told := func(error) {} // this connection, which has the same credentials, reports them
	return append(c.reachOptions(told),
		nats.Name(c.options.Name+", "+purpose),
		nats.NoReconnect(),
		nats.Timeout(timeout),
		nats.PingInterval(c.options.PingInterval),
		nats.SyncQueueLen(c.options.Answers),
		nats.MaxPingsOutstanding(pingsUnanswered),
		nats.FlusherTimeout(writeTimeout),
	)
}

// credentialOptions let a connection authenticate by Options.CredentialsDir. They are empty if that
// is empty.
func (c *Conn) credentialOptions(failed func(error)) []nats.Option {
	o := &c.options
	if o.CredentialsDir == "" {
		return nil
	}
	return (&credentials{dir: o.CredentialsDir, handed: &c.handed, failed: failed}).options(o.URLs)
}
