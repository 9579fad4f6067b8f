// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// echoTimeout bounds the wait for gateways that do not answer. They are not waited for again until
// they are heard from.
const echoTimeout = time.Second

// echoes confirm that all publications and subscriptions of this gateway have arrived at all NATS
// servers to which a gateway of the service is connected. A flush confirms that for the gateway's
// own server only: on its way to the other servers, a message may be overtaken by one that takes
// another path. NATS keeps the order of what one server passes to another, subscriptions and
// messages alike. So if a gateway on each server answers a question that was published last,
// everything before it has arrived there.
//
// While one question is open all others wait for the next one, so that one round trip serves
// everybody who asks in the meantime. If all gateways are connected to the same server no question
// is needed. Safe for concurrent use.
type echoes struct {
	cluster *Cluster
	timeout time.Duration // echoTimeout, except in tests

	mu sync.Mutex
	// last numbers the questions. Guarded by mu.
	last uint64
	// open has been asked, and next will be asked after it; nil if there is none. Guarded by mu.
	open, next *echo
	// mute has the gateways that have not answered, and since when. Guarded by mu.
	mute map[string]time.Time
}

// echo is one question. Its fields are guarded by echoes.mu.
type echo struct {
	number uint64
	// missing has the gateways that have not answered, with their servers; confirmed has the
	// servers from which a gateway has answered.
	missing   map[string]string
	confirmed map[string]bool
	timer     *time.Timer
	after     []func()
}

func (e *echoes) init(c *Cluster) {
	e.cluster, e.timeout, e.mute = c, echoTimeout, map[string]time.Time{}
}

// confirm calls f when all earlier publications and subscriptions have arrived: at once if that
// needs no question.
func (e *echoes) confirm(f func()) {
	e.mu.Lock()
	if e.next == nil {
		e.next = &echo{}
	}
	e.next.after = append(e.next.after, f)
	due := e.ask()
	e.mu.Unlock()
	e.goOn(due)
}

// needed reports whether there are gateways on other servers.
func (e *echoes) needed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.elsewhere()) > 0
}

// ask queues the next question if none is open, and returns the functions to call if nobody has to
// be asked. The lock is held.
func (e *echoes) ask() []func() {
	if e.open != nil || e.next == nil {
		return nil
	}
	q := e.next
	e.next = nil
	if q.missing = e.elsewhere(); len(q.missing) == 0 {
		return q.after
	}
	e.last++
	q.number, q.confirmed = e.last, map[string]bool{}
	e.open = q
	q.timer = time.AfterFunc(e.timeout, func() { e.expire(q) })
	e.cluster.out.Push([]string{e.cluster.subjects.Echoes}, encodeEcho(e.cluster.id, q.number, ""), false)
	return nil
}

// elsewhere returns the gateways on other servers that would answer, with their servers. The lock
// is held.
func (e *echoes) elsewhere() map[string]string {
	if !e.cluster.link.Live() {
		return nil
	}
	own := e.cluster.nc.ConnectedServerId()
	return e.cluster.peers.Elsewhere(own, e.mute)
}

// answer answers the question of another gateway.
func (e *echoes) answer(msg *nats.Msg) {
	from, number, _, err := decodeEcho(msg.Data)
	if err != nil {
		e.cluster.malformed(msg, err)
		return
	}
	c := e.cluster
	c.out.Send(wire.EchoedSubject(c.service, from), encodeEcho(c.id, number, c.nc.ConnectedServerId()))
}

// answered handles an answer.
func (e *echoes) answered(msg *nats.Msg) {
	from, number, server, err := decodeEcho(msg.Data)
	if err != nil {
		e.cluster.malformed(msg, err)
		return
	}
	e.settle(func(q *echo) bool {
		if q.number != number {
			return false // too late
		}
		delete(q.missing, from)
		q.confirmed[server] = true
		return q.complete()
	})
}

// lost gives up a gateway that is lost.
func (e *echoes) lost(gateway string) {
	e.settle(func(q *echo) bool {
		delete(e.mute, gateway)
		delete(q.missing, gateway)
		return q.complete()
	})
}

// expire gives up the gateways that have not answered.
func (e *echoes) expire(expired *echo) {
	e.settle(func(q *echo) bool {
		if q != expired {
			return false
		}
		now := time.Now()
		for gateway, server := range q.missing {
			if !q.confirmed[server] {
				e.mute[gateway] = now
			}
		}
		return true
	})
}

// settle changes the open question, and ends it if it is complete.
func (e *echoes) settle(complete func(*echo) bool) {
	e.mu.Lock()
	q := e.open
	if q == nil || !complete(q) {
		e.mu.Unlock()
		return
	}
	q.timer.Stop()
	e.open = nil
	due := slices.Concat(q.after, e.ask())
	e.mu.Unlock()
	e.goOn(due)
}

// goOn publishes the next question, and calls the functions that need not wait any more. Both may
// block, so the lock is not held.
func (e *echoes) goOn(due []func()) {
	e.cluster.out.Flush()
	for _, f := range due {
		f()
	}
}

// end ends all waits, when the gateway ends.
func (e *echoes) end() {
	e.mu.Lock()
	var due []func()
	for _, q := range []*echo{e.open, e.next} {
		if q != nil {
			due = append(due, q.after...)
		}
	}
	if e.open != nil {
		e.open.timer.Stop()
	}
	e.open, e.next = nil, nil
	e.mu.Unlock()
	e.goOn(due)
}

// complete reports whether a gateway on each server has answered.
func (q *echo) complete() bool {
	for _, server := range q.missing {
		if !q.confirmed[server] {
			return false
		}
	}
	return true
}

// encodeEcho encodes a question or an answer: wire.Version, the id of the gateway that sends it,
// the question's number as a uvarint, and in an answer the id of that gateway's NATS server. What
// follows is for later releases.
func encodeEcho(gateway string, number uint64, server string) []byte {
	buf := wire.AppendBytes([]byte{wire.Version}, gateway)
	buf = binary.AppendUvarint(buf, number)
	return wire.AppendBytes(buf, server)
}

func decodeEcho(data []byte) (gateway string, number uint64, server string, err error) {
	if len(data) == 0 || data[0] != wire.Version {
		return "", 0, "", fmt.Errorf("unknown version of echo %.1x", data)
	}
	r := wire.Reader{Rest: data[1:]}
	gateway, number, server = string(r.Bytes()), r.Uvarint(), string(r.Bytes())
	if r.Err == nil && len(gateway) != wire.GatewayIDLength {
		r.Err = fmt.Errorf("%q is no gateway's id", gateway)
	}
	return gateway, number, server, r.Err
}
