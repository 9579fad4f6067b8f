// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"time"
)

const (
	connectAtOnce = 128
	patience      = 60 * time.Second
)

// result is what a suite has measured; what does not concern it is 0.
type result struct {
	Suite   string  `json:"suite"`
	Clients int     `json:"clients"`
	Seconds float64 `json:"seconds"`
	// Count is how many deliveries, answers or connections were measured.
	Count      int     `json:"count"`
	CPU        float64 `json:"cpu"`        // of the servers, in µs for each of them
	BrokerCPU  float64 `json:"brokerCPU"`  // the same of what connects them
	LoaderCPU  float64 `json:"loaderCPU"`  // the same of this program
	P50        float64 `json:"p50"`        // ms from send to receipt
	P99        float64 `json:"p99"`        // the same
	Resident   float64 `json:"resident"`   // MiB of the servers at the end
	PerClient  float64 `json:"perClient"`  // KiB of the servers for each connection, in the suite idle
	PerSecond  float64 `json:"perSecond"`  // count by seconds
	Lost       int     `json:"lost"`       // of all that was sent
	Repeated   int     `json:"repeated"`   // came more than once
	Reordered  int     `json:"reordered"`  // came behind a later one of the same sender
	Deliveries int     `json:"deliveries"` // all, warm-up included
}

var suites = map[string]func(*loop, *options) (*result, error){
	"broadcast": closedLoop, "rooms": closedLoop, "fixed": fixed, "echo": echo, "idle": idle, "accept": accept,
}

// meter reads what servers use while something goes on.
type meter struct {
	o     *options
	begin time.Time
	start [3]usage // servers, brokers, this program
}

func newMeter(o *options) (*meter, error) {
	m := &meter{o: o, begin: time.Now()}
	var err error
	m.start, err = m.read()
	return m, err
}

func (m *meter) read() (u [3]usage, err error) {
	for i, t := range []tree{m.o.servers, m.o.brokers, {os.Getpid()}} {
		if u[i], err = t.usage(); err != nil {
			return u, err
		}
	}
	return u, nil
}

// result tells what count of something has cost.
func (m *meter) result(count int) (*result, error) {
	elapsed := time.Since(m.begin).Seconds()
	end, err := m.read()
	if err != nil {
		return nil, err
	}
	per := func(i int) float64 {
		return float64((end[i].cpu - m.start[i].cpu).Microseconds()) / float64(max(count, 1))
	}
	return &result{
		Suite: m.o.suite, Clients: m.o.clients, Seconds: elapsed, Count: count,
		CPU: per(0), BrokerCPU: per(1), LoaderCPU: per(2),
		Resident: float64(end[0].resident) / (1 << 20), PerSecond: float64(count) / elapsed,
	}, nil
}

func everybodyReads(int) bool { return false }

// closedLoop is broadcast and rooms.
func closedLoop(l *loop, o *options) (*result, error) {
	if err := l.connect(o.addrs, o.clients, connectAtOnce, everybodyReads, patience); err != nil {
		return nil, err
	}
	rooms := 0
	if o.suite == "rooms" {
		rooms = o.rooms
	}
	c := newChat(l, rooms, o.slots, o.size)
	if err := c.join(); err != nil {
		return nil, err
	}
	if err := c.start(); err != nil {
		return nil, err
	}
	if err := l.run(o.warmup); err != nil {
		return nil, err
	}
	return c.measure(o, func() error { return l.run(o.duration) })
}

// run handles what comes for a time.
func (l *loop) run(duration time.Duration) error {
	for end := time.Now().Add(duration); ; {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		if err := l.step(left); err != nil {
			return err
		}
	}
}

// measure takes the deliveries while something is done, then waits for the rest.
func (c *chat) measure(o *options, do func() error) (*result, error) {
	c.forget()
	m, err := newMeter(o)
	if err != nil {
		return nil, err
	}
	if err := do(); err != nil {
		return nil, err
	}
	r, err := m.result(len(c.latencies))
	if err != nil {
		return nil, err
	}
	r.P50, r.P99 = percentile(c.latencies, 50), percentile(c.latencies, 99)
	r.Lost = c.settle(10 * time.Second)
	r.Repeated, r.Reordered, r.Deliveries = c.ledger.Repeated, c.ledger.Reordered, c.ledger.Deliveries
	return r, nil
}

func fixed(l *loop, o *options) (*result, error) {
	last := func(i int) bool { return o.stall && i == o.clients-1 }
	if err := l.connect(o.addrs, o.clients, connectAtOnce, last, patience); err != nil {
		return nil, err
	}
	c := newChat(l, 0, min(o.slots, max(o.clients-1, 1)), o.size)
	rate := o.rate / float64(o.clients)
	if err := c.pace(o.warmup, rate); err != nil {
		return nil, err
	}
	if lost := c.settle(patience); lost > 0 { // so that the client that stops reading is owed nothing
		return nil, fmt.Errorf("%d deliveries of the warm-up are lost", lost)
	}
	return c.measure(o, func() error {
		if o.stall {
			if err := c.stall(l.conns[o.clients-1]); err != nil {
				return err
			}
		}
		return c.pace(o.duration, rate)
	})
}

// echo has one event of each client outstanding.
func echo(l *loop, o *options) (*result, error) {
	if err := l.connect(o.addrs, o.clients, connectAtOnce, everybodyReads, patience); err != nil {
		return nil, err
	}
	packet := l.dialect.echo(stamp{}.text(o.size))
	var latencies []uint32
	outstanding, more := 0, true
	ask := func(c *conn) error {
		outstanding++
		c.asked = l.now()
		return l.send(c, packet)
	}
	l.onAnswer = func(c *conn, _ []byte) error {
		outstanding--
		latencies = append(latencies, uint32((l.now()-c.asked)/1000))
		if !more {
			return nil
		}
		return ask(c)
	}
	for _, c := range l.conns {
		if err := ask(c); err != nil {
			return nil, err
		}
	}
	if err := l.run(o.warmup); err != nil {
		return nil, err
	}
	latencies = latencies[:0]
	m, err := newMeter(o)
	if err != nil {
		return nil, err
	}
	if err := l.run(o.duration); err != nil {
		return nil, err
	}
	r, err := m.result(len(latencies))
	if err != nil {
		return nil, err
	}
	r.P50, r.P99 = percentile(latencies, 50), percentile(latencies, 99)
	more = false
	_ = l.until("receive the rest", patience, func() bool { return outstanding <= 0 }) // what has not come is lost
	r.Lost, r.Repeated = max(outstanding, 0), max(-outstanding, 0)
	return r, nil
}

// idle tells what a connection with one namespace and one room takes. A few clients come before, so that what a server sets up once
// does not count.
func idle(l *loop, o *options) (*result, error) {
	const few = 100
	c := *o
	if err := l.connect(o.addrs, few, few, everybodyReads, patience); err != nil {
		return nil, err
	}
	if err := l.run(time.Second); err != nil {
		return nil, err
	}
	before, err := o.servers.usage()
	if err != nil {
		return nil, err
	}
	m, err := newMeter(&c)
	if err != nil {
		return nil, err
	}
	if err := l.connect(o.addrs, o.clients-few, connectAtOnce, everybodyReads, 2*patience); err != nil {
		return nil, err
	}
	room := newChat(l, 1, 1, stampBytes)
	if err := room.join(); err != nil {
		return nil, err
	}
	if err := l.run(o.settle); err != nil {
		return nil, err
	}
	r, err := m.result(o.clients - few)
	if err != nil {
		return nil, err
	}
	after, err := o.servers.usage()
	if err != nil {
		return nil, err
	}
	r.PerClient = float64(after.resident-before.resident) / float64(o.clients-few) / 1024
	if len(l.conns) != l.ready {
		return nil, fmt.Errorf("%d of %d connections are left", l.ready, len(l.conns))
	}
	return r, nil
}

// accept tells how fast clients get in: TCP, the upgrade, Engine.IO's handshake and the main namespace.
func accept(l *loop, o *options) (*result, error) {
	m, err := newMeter(o)
	if err != nil {
		return nil, err
	}
	if err := l.connect(o.addrs, o.clients, connectAtOnce, everybodyReads, patience); err != nil {
		return nil, err
	}
	return m.result(o.clients)
}
