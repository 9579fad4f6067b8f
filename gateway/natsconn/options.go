// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// DefaultReconnectWait is the pause between two tries at one server. As much jitter on top
	// keeps gateways from knocking together.
	DefaultReconnectWait = 500 * time.Millisecond
	// DefaultPingInterval and pingsUnanswered bound how long a connection that has gone silent
	// without being closed, as when a node is lost, is taken for a live one: nine seconds.
	DefaultPingInterval = 3 * time.Second
	pingsUnanswered     = 2
	// writeTimeout bounds how long a write to such a connection blocks.
	writeTimeout = 2 * time.Second
	// noReconnectBuffer has the client library refuse what is published without a connection; see
	// Outgoing.
	noReconnectBuffer = -1
)

// connectOptions make a connection that never gives up (the client's default is to close for good
// after 60 tries, or after two refusals of its credentials) and that does not hear what it says
// itself.
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
	return append(append(options, c.handlers()...), c.credentialOptions(c.failed)...)
}

// PublisherOptions make a connection beside this one, with the same servers and credentials, that
// ends where it breaks. The purpose is a part of its name; the timeout bounds an attempt to
// connect.
func (c *Conn) PublisherOptions(purpose string, timeout time.Duration) []nats.Option {
	told := func(error) {} // by this connection, which has the same credentials
	return append(c.credentialOptions(told),
		nats.Name(c.options.Name+", "+purpose),
		nats.NoReconnect(),
		nats.Timeout(timeout),
		nats.PingInterval(c.options.PingInterval),
		nats.SyncQueueLen(c.options.Answers),
		nats.MaxPingsOutstanding(pingsUnanswered),
		nats.FlusherTimeout(writeTimeout),
	)
}

// credentialOptions have a connection authenticate by Options.CredentialsDir. They are none if that
// is empty.
func (c *Conn) credentialOptions(failed func(error)) []nats.Option {
	o := &c.options
	if o.CredentialsDir == "" {
		return nil
	}
	return (&credentials{dir: o.CredentialsDir, handed: &c.handed, failed: failed}).options(o.URLs)
}
