// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
)

const (
	// reconnectWait is the pause between two tries at one server. As much jitter on top keeps
	// gateways from knocking together.
	reconnectWait = 500 * time.Millisecond
	// pingInterval and pingsUnanswered bound how long a connection that has gone silent without
	// being closed, as when a node is lost, is taken for a live one: nine seconds.
	pingInterval    = 3 * time.Second
	pingsUnanswered = 2
	// writeTimeout bounds how long a write to such a connection blocks.
	writeTimeout = 2 * time.Second
	// noReconnectBuffer has the client library refuse what is published without a connection; see
	// outgoing.
	noReconnectBuffer = -1
	// requestRetry is the pause between two tries to send a request without a connection.
	requestRetry = 50 * time.Millisecond
)

// connectOptions make a connection that never gives up (the client's default is to close for good
// after 60 tries, or after two refusals of its credentials) and that does not hear what it says
// itself.
func connectOptions(o Options, l *link) []nats.Option {
	options := []nats.Option{
		nats.Name("realtime gateway " + o.Gateway),
		nats.NoEcho(),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(o.timing.reconnect),
		nats.ReconnectJitter(o.timing.reconnect, o.timing.reconnect),
		nats.ReconnectBufSize(noReconnectBuffer),
		nats.PingInterval(o.timing.ping),
		nats.SyncQueueLen(eventlog.AnswersQueue),
		nats.MaxPingsOutstanding(pingsUnanswered),
		nats.FlusherTimeout(writeTimeout),
		nats.ReconnectOnFlusherError(),
	}
	return append(append(options, l.handlers()...), credentialOptions(o, l.failed)...)
}

// publisherOptions make a connection that ends where it breaks; see outbox.
func publisherOptions(o Options) []nats.Option {
	told := func(error) {} // by the other connection, which has the same credentials
	return append(credentialOptions(o, told),
		nats.Name("realtime gateway "+o.Gateway+", log"),
		nats.NoReconnect(),
		nats.Timeout(eventlog.PrepareTimeout),
		nats.PingInterval(o.timing.ping),
		nats.SyncQueueLen(eventlog.AnswersQueue),
		nats.MaxPingsOutstanding(pingsUnanswered),
		nats.FlusherTimeout(writeTimeout),
	)
}

// publishRequest publishes a request, and waits for NATS to do so until the context ends.
func (c *Cluster) publishRequest(ctx context.Context, subject, reply string, data []byte) error {
	return c.whenConnected(ctx, func() error { return c.nc.PublishRequest(subject, reply, data) })
}

// request is publishRequest with one answer.
func (c *Cluster) request(ctx context.Context, subject string, data []byte) (msg *nats.Msg, err error) {
	err = c.whenConnected(ctx, func() error {
		msg, err = c.nc.RequestWithContext(ctx, subject, data)
		return err
	})
	return msg, err
}

// whenConnected calls a function again while it fails for want of a connection.
func (c *Cluster) whenConnected(ctx context.Context, f func() error) error {
	for {
		err := f()
		if !errors.Is(err, nats.ErrReconnectBufExceeded) {
			return err
		}
		select {
		case <-time.After(requestRetry):
		case <-ctx.Done():
			return fmt.Errorf("wait for NATS: %w", ctx.Err())
		case <-c.stop:
			return err
		}
	}
}
