// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// How many requests may wait at one gateway. Further ones are dropped, and their publishers receive
// no answer.
const (
	queuePendingMessages = 16_384
	queuePendingBytes    = 128 << 20
)

// ServeQueue answers the requests that programs send to a subject, each at one of the gateways that
// serve it with the same queue group. It calls handle for one request at a time; handle calls
// answer once, at once or later: a publisher whose event waits to be stored does not delay the
// others. If the publisher expects no answer none is sent. The context has the request's trace, and
// ends with the cluster.
//
// When handle is called, everything that had arrived at this gateway's NATS server before the
// request has been delivered. An answer is sent when what handle has published has arrived at all
// servers with a gateway. So a publisher that awaits each answer keeps its order, whichever
// gateways answer. Requests do not wait for the answers to others.
//
// stop leaves further requests to the other gateways, and may be called again. It returns a channel
// that is closed when all requests that had arrived are answered; without NATS it is closed at
// once, since nobody would receive an answer.
//
//nolint:contextcheck // what comes in is bounded by the link's life
func (c *Cluster) ServeQueue(
	subject, group string, handle func(ctx context.Context, data []byte, answer func([]byte)),
) (stop func() <-chan struct{}, err error) {
	var unanswered tasks
	sub, err := c.nc.QueueSubscribe(subject, group, func(msg *nats.Msg) {
		c.incoming.Settle(c.stop)
		unanswered.begin()
		end := sync.OnceFunc(unanswered.end)
		defer func() {
			if value := recover(); value != nil {
				c.panics.Tell(PlaceMessage, value)
				end()
			}
		}()
		handle(trace.NewContext(c.life, wire.TraceOf(msg.Header)), msg.Data, func(answer []byte) {
			if msg.Reply == "" {
				end()
				return
			}
			c.confirmPublished(func() {
				defer end()
				c.out.Send(msg.Reply, answer) // after what it is the answer to
			})
		})
	})
	if err == nil {
		err = sub.SetPendingLimits(queuePendingMessages, queuePendingBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", subject, err)
	}
	ended := make(chan struct{})
	end := sync.OnceFunc(func() { close(ended) })
	sub.SetClosedHandler(func(string) {
		c.done.Go(func() {
			unanswered.Wait()
			end()
		})
	})
	return func() <-chan struct{} {
		// Drain fails only if the subscription has ended.
		if err := sub.Drain(); err != nil || !c.Connected() {
			end()
		}
		return ended
	}, nil
}

// confirmPublished calls a function when everything published before has arrived at all NATS
// servers with a gateway. Stored events have the order of the log in any case.
func (c *Cluster) confirmPublished(f func()) {
	if c.events != nil {
		f()
		return
	}
	c.echoes.confirm(f)
}

// confirmSubscriptions returns when this gateway receives everything that is published from now on
// to its subscriptions, on any NATS server. Stored events come from the log's own server; if one
// does not arrive, its number is missing.
func (c *Cluster) confirmSubscriptions() {
	if c.events == nil && c.echoes.needed() {
		confirmed := make(chan struct{})
		c.echoes.confirm(func() { close(confirmed) })
		<-confirmed
		return
	}
	if c.nc.IsConnected() {
		// An error means that NATS was lost meanwhile. The client library subscribes again when it
		// is back.
		_ = c.nc.FlushTimeout(flushTimeout)
	}
}
