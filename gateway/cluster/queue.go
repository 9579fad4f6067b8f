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

// The most that may wait to be handled at one gateway. What is beyond is dropped, and its publisher
// waits for an answer in vain.
const (
	queuePendingMessages = 16_384
	queuePendingBytes    = 128 << 20
)

// ServeQueue answers the requests that programs send to a subject, each at one of the gateways that
// serve it with the same queue group. Handle is called for one request at a time, and calls answer
// once, then or later: a publisher whose event waits to be stored does not hold up the others. No
// answer is sent where nobody waits for it. The context has the request's trace, and ends with the
// cluster.
//
// Before handle is called, all has been delivered here that had arrived at this gateway's NATS
// server before the request; and an answer is sent when what handle has published has arrived at
// all servers with a gateway. So a publisher that awaits each answer keeps its order, whichever
// gateways answer. Requests do not wait for the answers to others.
//
// stop leaves the rest to the other gateways, and may be called again. What it returns is closed
// when all that had come in is answered; without NATS that is at once, since nobody hears an
// answer.
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
				c.out.Send(msg.Reply, answer) // behind what it is the answer to
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
		// It fails only where the subscription has ended.
		if err := sub.Drain(); err != nil || !c.Connected() {
			end()
		}
		return ended
	}, nil
}

// confirmPublished calls a function when what has been published has arrived at all NATS servers
// with a gateway. What is stored is in the order of the log anyway.
func (c *Cluster) confirmPublished(f func()) {
	if c.events != nil {
		f()
		return
	}
	c.echoes.confirm(f)
}

// confirmSubscriptions returns when this gateway gets all that is published from now on to what it
// has subscribed to, on whichever NATS server. What is stored comes from the log's own server, and
// is missed by its number if it does not come.
func (c *Cluster) confirmSubscriptions() {
	if c.events == nil && c.echoes.needed() {
		confirmed := make(chan struct{})
		c.echoes.confirm(func() { close(confirmed) })
		<-confirmed
		return
	}
	if c.nc.IsConnected() {
		// An error means that NATS went away meanwhile, and the client library subscribes again
		// when it is back.
		_ = c.nc.FlushTimeout(flushTimeout)
	}
}
