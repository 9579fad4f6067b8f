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

// Timing is how often gateways give a sign of life.
type Timing struct {
	// Heartbeat is how often a gateway says that it lives.
	Heartbeat time.Duration
	// Dead is how long a gateway may be silent before nobody waits for its answers.
	Dead time.Duration
	// Census is how often it is looked for gateways that are silent.
	Census time.Duration
}

const (
	heartbeatInterval = 2500 * time.Millisecond
	// deadAfter is three heartbeats, and what the next may be late. One that stops says so.
	deadAfter = 3*heartbeatInterval + 500*time.Millisecond
	// censusInterval adds to deadAfter, and to the time until the members of a room know who is gone.
	// Ten seconds are promised; all of it is 8.6, so that a busy machine keeps the promise too.
	censusInterval = 500 * time.Millisecond
)

// DefaultTiming is that of gateways. All of a service must have the same.
var DefaultTiming = Timing{Heartbeat: heartbeatInterval, Dead: deadAfter, Census: censusInterval}

// Options are what Peers need.
type Options struct {
	// ID is this gateway's, Subject where all announce themselves.
	ID, Subject string
	// Address and Revision are what this gateway says of itself; see Fields.
	Address, Revision string
	Conn              *natsconn.Conn
	// Inbox is taken by Run: what gateways announce, and what else is subscribed to with it.
	Inbox    *natsconn.Inbox
	Timing   Timing
	Panics   *panics.Watch
	Handlers Handlers
}

// Handlers are called by Run, one after the other. They wait for nothing but a write to NATS.
type Handlers struct {
	// Message takes what comes into the Inbox and is no announcement.
	Message func(*nats.Msg)
	// Malformed is told of an announcement that cannot be read.
	Malformed func(*nats.Msg, error)
	// Heard is told that another gateway has said something of itself.
	Heard func()
	// Gone is told that another gateway is no more, and whether it has said so itself.
	Gone func(id string, left bool)
	// Beat is called at each heartbeat, Restored when NATS is there, or there again.
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
	// own is what this gateway says of itself.
	own atomic.Pointer[Fields]
	// announcing is held while it says it.
	announcing sync.Mutex
	left       bool // Farewell has been said; guarded by announcing
	// stopped is closed when Run ends.
	stopped chan struct{}
}

// New returns Peers that know nobody yet.
func New(o Options) *Peers {
	p := &Peers{
		id: o.ID, subject: o.Subject, conn: o.Conn, inbox: o.Inbox, timing: o.Timing, panics: o.Panics, handlers: o.Handlers,
		table: newTable(), stopped: make(chan struct{}),
	}
	p.own.Store(&Fields{Address: o.Address, Revision: o.Revision, Deltas: true})
	return p
}

// Subscribe begins to hear of the others.
func (p *Peers) Subscribe() error {
	if _, err := p.conn.NATS().ChanSubscribe(p.subject, p.inbox.In); err != nil {
		return fmt.Errorf("subscribe to %s: %w", p.subject, err)
	}
	return nil
}

// Run keeps account of which gateways are there until stop is closed, and says that this one is.
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
			p.announce(Alive) // from a server that may be another one than before
			p.handlers.Restored()
		case <-p.inbox.Wake:
			p.takeIn()
		case <-stop:
			return
		}
	}
}

// takeIn takes what waits in the inbox.
func (p *Peers) takeIn() {
	for _, item := range p.inbox.Take() {
		if item.Call != nil {
			item.Call()
			continue
		}
		p.take(item.Msg)
	}
}

// take takes a message. One that makes it panic is dropped.
func (p *Peers) take(msg *nats.Msg) {
	defer p.panics.Catch(panics.PlaceMessage, "subject", msg.Subject)
	if msg.Subject == p.subject {
		p.receive(msg)
		return
	}
	p.handlers.Message(msg)
}

// beat says that this gateway lives, and makes sure that it hears: both wait for nothing but NATS,
// which must answer within a heartbeat's time.
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

// List has the ids of all that are there.
func (p *Peers) List() []string { return p.table.list() }

// AllTakeDeltas tells whether all others understand the deltas of sessions.
func (p *Peers) AllTakeDeltas() bool { return p.table.allTakeDeltas() }

// Elsewhere are the gateways that answer echoes and are connected to another NATS server than the given
// one, with their servers; without those that have been mute since they were heard of last.
func (p *Peers) Elsewhere(server string, mute map[string]time.Time) map[string]string {
	return p.table.elsewhere(server, mute)
}
