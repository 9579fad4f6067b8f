// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

// Timing is the timing of heartbeats and of their checks.
type Timing struct {
	// Heartbeat is the time between two heartbeats.
	Heartbeat time.Duration
	// Dead is how long a gateway may be silent before it is considered dead.
	Dead time.Duration
	// Census is how often silent gateways are looked for.
	Census time.Duration
}

const (
	heartbeatInterval = 2500 * time.Millisecond
	// deadAfter is three heartbeats, and a tolerance for a late one. A gateway that stops announces
	// it.
	deadAfter = 3*heartbeatInterval + 500*time.Millisecond
	// censusInterval adds to deadAfter, and to the time until the members of a room are told. Ten
	// seconds are promised; the sum is 8.6 seconds, so that a busy machine keeps the promise too.
	censusInterval = 500 * time.Millisecond
)

// DefaultTiming is the timing of gateways. All gateways of a service must have the same.
var DefaultTiming = Timing{Heartbeat: heartbeatInterval, Dead: deadAfter, Census: censusInterval}

// Options configure Peers.
type Options struct {
	// ID is the id of this gateway, and Subject the subject of all announcements.
	ID, Subject string
	// Address and Revision are fields of this gateway's announcements; see Fields.
	Address, Revision string
	Conn              *natsconn.Conn
	// Inbox has the announcements, and the messages of other subscriptions to it. Run handles them.
	Inbox    *natsconn.Inbox
	Timing   Timing
	Panics   *panics.Watch
	Handlers Handlers
}

// Handlers are called by Run, one after the other. They must not block, except for a write to NATS.
type Handlers struct {
	// Message handles messages in the Inbox that are no announcements.
	Message func(*nats.Msg)
	// Malformed is called for an announcement that cannot be decoded.
	Malformed func(*nats.Msg, error)
	// Heard is called when another gateway has announced itself.
	Heard func()
	// Gone is called when another gateway is lost; left reports whether it has announced that
	// itself.
	Gone func(id string, left bool)
	// Beat is called at each heartbeat, and Restored when NATS is connected, or connected again.
	Beat     func(now time.Time)
	Restored func()
}

// Peers are the other gateways of the service. Safe for concurrent use.
type Peers struct {
	id       string
	subject  string
	conn     *natsconn.Conn
	inbox    *natsconn.Inbox
	timing   Timing
	panics   *panics.Watch
	handlers Handlers
	table    *table
	// own has the fields of this gateway.
	own atomic.Pointer[Fields]
	// announcing is held while they are announced.
	announcing sync.Mutex
	left       bool // Farewell has been called; guarded by announcing
	// stopped is closed when Run ends.
	stopped chan struct{}
}

// New returns Peers that know no gateway yet.
func New(o Options) *Peers {
	p := &Peers{
		id: o.ID, subject: o.Subject, conn: o.Conn, inbox: o.Inbox, timing: o.Timing, panics: o.Panics, handlers: o.Handlers,
		table: newTable(), stopped: make(chan struct{}),
	}
	p.own.Store(&Fields{Address: o.Address, Revision: o.Revision, Deltas: true})
	return p
}

// Subscribe subscribes to the announcements of the others.
func (p *Peers) Subscribe() error {
	if _, err := p.conn.NATS().ChanSubscribe(p.subject, p.inbox.In); err != nil {
		return fmt.Errorf("subscribe to %s: %w", p.subject, err)
	}
	return nil
}

// Run maintains the list of live gateways until stop is closed, and announces this gateway.
func (p *Peers) Run(stop <-chan struct{}) {
	defer close(p.stopped)
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(func() { p.inbox.Run(stop) })
	others.Go(func() { p.beat(stop) })
	heartbeat := time.NewTicker(p.timing.Heartbeat)
	defer heartbeat.Stop()
	census := time.NewTicker(p.timing.Census)
	defer census.Stop()
	window := newLivenessWindow(p.timing)
	for {
		select {
		case now := <-heartbeat.C:
			p.handlers.Beat(now)
			p.table.forgetAbsent(now.Add(-absentFor))
		case now := <-census.C:
			p.takeCensus(window, now)
		case <-p.conn.Up():
			p.announce(Alive) // by a NATS server that may not be the previous one
			p.handlers.Restored()
		case <-p.inbox.Wake:
			p.takeIn()
		case <-stop:
			return
		}
	}
}

// takeIn handles the messages in the inbox.
func (p *Peers) takeIn() {
	for _, item := range p.inbox.Take() {
		if item.Call != nil {
			item.Call()
			continue
		}
		p.take(item.Msg)
	}
}

// take handles a message. If that panics, the message is dropped.
func (p *Peers) take(msg *nats.Msg) {
	defer p.panics.Catch(panics.PlaceMessage, "subject", msg.Subject)
	if msg.Subject == p.subject {
		p.receive(msg)
		return
	}
	p.handlers.Message(msg)
}

// beat announces that this gateway is alive, and checks that it receives: both wait only for NATS,
// which must answer before the next heartbeat.
func (p *Peers) beat(stop <-chan struct{}) {
	heartbeat := time.NewTicker(p.timing.Heartbeat)
	defer heartbeat.Stop()
	for {
		select {
		case <-heartbeat.C:
			p.announce(Alive)
			p.conn.Ping(p.timing.Heartbeat)
		case <-stop:
			return
		}
	}
}

// gone gives up a gateway that has left, or is silent. It runs in Run.
func (p *Peers) gone(id string, left bool) {
	p.table.gone(id, left, time.Now())
	p.handlers.Gone(id, left)
}

// List returns the ids of all live gateways.
func (p *Peers) List() []string { return p.table.list() }

// AllTakeDeltas reports whether all others understand the deltas of sessions.
func (p *Peers) AllTakeDeltas() bool { return p.table.allTakeDeltas() }

// Elsewhere returns the gateways that answer echoes and are connected to another NATS server than
// the given one, with their servers; without those in mute that have not been heard from since.
func (p *Peers) Elsewhere(server string, mute map[string]time.Time) map[string]string {
	return p.table.elsewhere(server, mute)
}
