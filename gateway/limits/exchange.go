// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"sync"
	"time"
)

const (
	// exchangeInterval is how often gateways report what users have used.
	exchangeInterval = 250 * time.Millisecond
	// sharedFor is how long a user is reported who no longer exceeds the fair share.
	sharedFor = 10 * time.Second
)

// Link connects a gateway to the others.
type Link interface {
	// ID is that of this gateway.
	ID() string
	// Publish sends to all other gateways, or to none, if NATS is away. It does not block.
	Publish(data []byte)
}

// exchange has what other gateways are to be told. Its lock is taken after all others.
type exchange struct {
	mu          sync.Mutex
	link        Link // nil before Join; guarded by mu
	used        map[*User]struct{}
	connections map[Key][]uint64
	timer       *time.Timer // nil: nothing is to be told; guarded by mu
	closed      bool
}

// Join begins to tell other gateways of users, and asks what they know.
func (u *Users) Join(link Link) {
	u.exchange.join(link)
	link.Publish((&packet{from: link.ID(), want: true}).encode()[0])
}

// Restored is called when this gateway reaches the others again, who may have forgotten it.
func (u *Users) Restored() {
	if link := u.exchange.linked(); link != nil {
		link.Publish((&packet{from: link.ID(), want: true}).encode()[0])
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refresh()
}

// Close ends the exchange. What is not told by then never is.
func (u *Users) Close() {
	e := &u.exchange
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.timer != nil {
		e.timer.Stop()
	}
}

func (e *exchange) join(link Link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.link = link
}

func (e *exchange) linked() Link {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.link
}

// report has others told what a user has used.
func (e *exchange) report(user *User) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.used == nil {
		e.used = map[*User]struct{}{}
	}
	e.used[user] = struct{}{}
	e.schedule()
}

// reportConnections has others told of a user's connections, as they are now.
func (e *exchange) reportConnections(key Key, connections []connection) {
	ids := make([]uint64, 0, len(connections))
	for _, c := range connections {
		ids = append(ids, c.id)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.link == nil {
		return
	}
	if e.connections == nil {
		e.connections = map[Key][]uint64{}
	}
	e.connections[key] = ids
	e.schedule()
}

// schedule is called with the lock held.
func (e *exchange) schedule() {
	if e.timer == nil && !e.closed {
		e.timer = time.AfterFunc(exchangeInterval, e.flush)
	}
}

// flush tells the others.
func (e *exchange) flush() {
	e.mu.Lock()
	link, used, connections := e.link, e.used, e.connections
	e.used, e.connections, e.timer = nil, nil, nil
	e.mu.Unlock()
	if link == nil {
		return
	}
	p := packet{from: link.ID()}
	for key, ids := range connections {
		p.entries = append(p.entries, entry{key: key, ids: ids, hasIDs: true})
	}
	for user := range used {
		if events, bytes := user.takeUnreported(); events+bytes > 0 {
			p.entries = append(p.entries, entry{key: user.key, events: events, bytes: bytes})
		}
	}
	if len(p.entries) == 0 {
		return
	}
	for _, data := range p.encode() {
		link.Publish(data)
	}
}

// Receive takes what another gateway has published. It does not block.
func (u *Users) Receive(data []byte) error {
	p, err := decode(data)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	now, gateways := u.Now(), u.gateways.Load()
	for _, e := range p.entries {
		if e.hasIDs {
			u.learn(e.key, p.from, e.ids, now)
		}
		if user := u.byKey[e.key]; user != nil && e.events+e.bytes > 0 {
			user.hear(u.rules, gateways, now, &e)
		}
	}
	if p.want {
		u.refresh()
	}
	return nil
}
