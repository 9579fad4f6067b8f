// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

// NATS returns the connection, for what else a gateway stores. It ends with Close.
func (c *Cluster) NATS() *nats.Conn { return c.nc }

// Connected reports whether NATS is connected now.
func (c *Cluster) Connected() bool { return c.link.Connected() }

// Status returns the state of the connection in the words of NATS, in lower case: connected,
// reconnecting and so on.
func (c *Cluster) Status() string { return c.link.Status() }

// Problem returns the reason why NATS is not connected; it is empty while it is.
func (c *Cluster) Problem() string { return c.link.Problem() }

// Cause returns of what kind Problem is.
func (c *Cluster) Cause() natsconn.Cause { return c.link.Cause() }

// Version returns the release of the connected server; empty without one.
func (c *Cluster) Version() string { return c.link.Version() }

// Denied returns what NATS has last refused to permit; empty if nothing.
func (c *Cluster) Denied() string { return c.link.Denied() }

// Reached reports whether NATS, and the log of a service with recovery, has been usable at some
// time.
func (c *Cluster) Reached() bool {
	if c.events != nil {
		return c.events.WasReady()
	}
	return c.link.Reached()
}

// Ended is closed when the connection has ended for good without Close, for example after an error
// that the client library does not know. Only a new process can connect again.
func (c *Cluster) Ended() <-chan struct{} { return c.link.Ended() }

// SetCredentials sets the username and password for NATS, in place of the present ones in
// Options.CredentialsDir. The next attempt to connect uses them; an open connection stays.
func (c *Cluster) SetCredentials(username, password string) {
	c.link.SetCredentials(username, password)
}

// publishRequest publishes a request, and waits until NATS has it or the context ends.
func (c *Cluster) publishRequest(ctx context.Context, subject, reply string, data []byte) error {
	return c.link.PublishRequest(ctx, subject, reply, data)
}

// Request publishes a request with the trace of the context, and waits for one answer, or until the
// context ends.
func (c *Cluster) Request(ctx context.Context, subject string, data []byte) (*nats.Msg, error) {
	return c.link.Request(ctx, &nats.Msg{Subject: subject, Header: wire.ContextHeader(ctx), Data: data})
}
