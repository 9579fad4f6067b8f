// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	"github.com/nats-io/nats.go"
)

// Connected tells whether NATS is connected now.
func (c *Cluster) Connected() bool { return c.link.Connected() }

// Status is NATS's word for the state of the connection, in lower case: connected, reconnecting and so on.
func (c *Cluster) Status() string { return c.link.Status() }

// Problem says why NATS is not connected; it is empty while it is.
func (c *Cluster) Problem() string { return c.link.Problem() }

// Reached tells whether NATS, and the log of a service with recovery, could be used at some time.
func (c *Cluster) Reached() bool {
	if c.events != nil {
		return c.events.WasReady()
	}
	return c.link.Reached()
}

// Ended is closed when the connection has ended for good though nobody has called Close, as after
// an error that the client library does not know. Nothing mends it but a new process.
func (c *Cluster) Ended() <-chan struct{} { return c.link.Ended() }

// SetCredentials hands over what NATS asks for, in place of the username and password in
// Options.CredentialsDir as they are now. The next attempt to connect uses it; a connection that is
// there stays.
func (c *Cluster) SetCredentials(username, password string) {
	c.link.SetCredentials(username, password)
}

// publishRequest publishes a request, and waits for NATS to do so until the context ends.
func (c *Cluster) publishRequest(ctx context.Context, subject, reply string, data []byte) error {
	return c.link.PublishRequest(ctx, subject, reply, data)
}

// request is publishRequest with one answer.
func (c *Cluster) request(ctx context.Context, subject string, data []byte) (*nats.Msg, error) {
	return c.link.Request(ctx, subject, data)
}
