// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// emitQueue is the queue group of a service's gateways: NATS gives each request to one of them.
const emitQueue = "gateways"

// The most that may wait to be emitted at one gateway. What is beyond is dropped, and its publisher waits for an answer in vain.
const (
	emitPendingMessages = 16_384
	emitPendingBytes    = 128 << 20
)

// EmitSubject is where programs in any language send what a service's gateways are to emit. Service is namespace/name, both of
// which are DNS labels, so that they are tokens as they are.
func EmitSubject(service string) string {
	return "realtime.emit." + strings.Replace(service, "/", ".", 1)
}

// ServePublishers answers what comes in at EmitSubject, at one of the service's gateways. Handle is called for one request at a
// time, and calls answer once, then or later: a publisher whose event waits to be stored does not hold up the others. No answer
// is sent where nobody waits for it.
//
// Before handle is called, all has been delivered here that other gateways had published before the request was sent: a publisher
// that awaits each answer keeps its order, whichever gateways answer.
//
// stop leaves the rest to the other gateways, and may be called again. What it returns is closed when all that had come in is
// answered; without NATS that is at once, since nobody hears an answer.
func (c *Cluster) ServePublishers(handle func(data []byte, answer func([]byte))) (stop func() <-chan struct{}, err error) {
	subject := EmitSubject(c.service)
	var unanswered tasks
	sub, err := c.nc.QueueSubscribe(subject, emitQueue, func(msg *nats.Msg) {
		c.settle()
		unanswered.begin()
		handle(msg.Data, func(answer []byte) {
			defer unanswered.end()
			if msg.Reply == "" {
				return
			}
			if err := msg.Respond(answer); err != nil {
				c.log.Warn("answer a publisher", "error", err)
			}
		})
	})
	if err == nil {
		err = sub.SetPendingLimits(emitPendingMessages, emitPendingBytes)
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

// settle returns when what had come in from other gateways is delivered.
func (c *Cluster) settle() {
	settled := make(chan struct{})
	select {
	case c.settling <- settled:
		select {
		case <-settled:
		case <-c.stop:
		}
	case <-c.stop:
	}
}
