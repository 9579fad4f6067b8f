// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Ask delivers like Broadcast, with a request for an acknowledgement, and returns how many clients it asks. answer is called
// once for each of them, from any goroutine and perhaps before Ask returns: with what the client has said, or with ok false
// when it has gone without a word, or has not answered so much already that it is not asked. It must not block. After stop, no further call begins.
func (r *Rooms) Ask(d *Delivery, answer func(args Args, ok bool)) (asked int, stop func(), err error) {
	e := d.encoded()
	sockets := r.selected(&d.Target)
	if len(sockets) == 0 {
		return 0, func() {}, nil
	}
	ns := sockets[0].namespace
	p, err := ns.server.codec.Decode(e)
	if err != nil {
		return 0, nil, fmt.Errorf("read the packet to be acknowledged: %w", err)
	}
	p.ID, p.HasID = ns.nextAckID(), true
	numbered := ns.server.codec.Encode(p)
	numbered.Uncompressed = d.Uncompressed
	messages := numbered.Messages()
	waiting, busy := sockets[:0], 0
	for _, s := range sockets {
		switch err := s.awaitAck(p.ID, answer); {
		case err == nil:
			waiting = append(waiting, s)
			s.deliverSoon(messages, d.Volatile)
		case errors.Is(err, ErrManyAcks):
			busy++
			answer(Args{}, false)
		}
	}
	notifyOutgoing(watched(waiting), e)
	return len(waiting) + busy, func() {
		for _, s := range waiting {
			s.takeAck(p.ID)
		}
	}, nil
}

func watched(sockets []*Socket) []*Socket {
	var out []*Socket
	for _, s := range sockets {
		if s.hasOutgoing.Load() {
			out = append(out, s)
		}
	}
	return out
}

// BroadcastWithAck asks all who are meant and collects the answers.
func (r *Rooms) BroadcastWithAck(ctx context.Context, d *Delivery) ([]Args, error) {
	c := &collector{complete: make(chan struct{})}
	asked, stop, err := r.Ask(d, c.add)
	if err != nil {
		return nil, err
	}
	defer stop()
	c.expect(asked)
	return c.wait(ctx)
}

// collector gathers answers that may come before it is known how many to expect. Safe for concurrent use.
type collector struct {
	complete chan struct{} // closed when all are in

	mu       sync.Mutex
	answers  []Args // guarded by mu
	gone     int    // how many left without an answer; guarded by mu
	expected int    // guarded by mu
	counted  bool   // expected is known; guarded by mu
}

func (c *collector) add(args Args, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok {
		c.answers = append(c.answers, args)
	} else {
		c.gone++
	}
	c.check()
}

func (c *collector) expect(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected, c.counted = n, true
	c.check()
}

func (c *collector) check() {
	if c.counted && len(c.answers)+c.gone == c.expected {
		close(c.complete)
	}
}

func (c *collector) wait(ctx context.Context) ([]Args, error) {
	var err error
	select {
	case <-c.complete:
	case <-ctx.Done():
		err = ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answers := slices.Clone(c.answers) // more may come until the asking is stopped
	switch missing := c.expected - len(answers); {
	case missing == 0:
		return answers, nil
	case err == nil:
		err = ErrDisconnected
	}
	return answers, fmt.Errorf("%d of %d clients have not answered: %w", c.expected-len(answers), c.expected, err)
}
