// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/measured"
)

const (
	connectAtOnce = 128
	patience      = 60 * time.Second
)

var suites = map[string]func(*loop, *options) (*measured.Result, error){
	"broadcast": closedLoop, "rooms": closedLoop, "fixed": fixed, "fixed-rooms": fixed, "echo": echo, "idle": idle, "accept": accept,
}

func everybodyReads(int) bool { return false }

// closedLoop is broadcast and rooms.
func closedLoop(l *loop, o *options) (*measured.Result, error) {
	if err := l.connect(o.addrs, o.clients, connectAtOnce, everybodyReads, patience); err != nil {
		return nil, err
	}
	c := newChat(l, o.roomsOfSuite(), o.slots, o.size)
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
func (c *chat) measure(o *options, do func() error) (*measured.Result, error) {
	c.forget()
	m, err := newMeter(o)
	if err != nil {
		return nil, err
	}
	if err := do(); err != nil {
		return nil, err
	}
	r, err := m.result(len(c.latencies), c.events)
	if err != nil {
		return nil, err
	}
	r.Rooms = o.roomsOfSuite()
	r.P50, r.P99 = percentile(c.latencies, 50), percentile(c.latencies, 99)
	r.Lost = c.settle(10 * time.Second)
	r.Repeated, r.Reordered, r.Deliveries = c.ledger.Repeated, c.ledger.Reordered, c.ledger.Deliveries
	return r, nil
}

// fixed sends at a rate, whatever comes back. If a client is to stall, everybody reads in a first
// measurement, and all but that one in a second, so that the two are of the same processes.
func fixed(l *loop, o *options) (*measured.Result, error) {
	last := func(i int) bool { return o.stall && i == o.clients-1 }
	if err := l.connect(o.addrs, o.clients, connectAtOnce, last, patience); err != nil {
		return nil, err
	}
	c := newChat(l, o.roomsOfSuite(), min(o.slots, max(o.clients-1, 1)), o.size)
	if err := c.join(); err != nil {
		return nil, err
	}
	rate := o.rate / float64(len(c.groups[0].members))
	if err := c.pace(o.warmup, rate); err != nil {
		return nil, err
	}
	if lost := c.settle(patience); lost > 0 { // so that what is measured is what was sent meanwhile
		return nil, fmt.Errorf("%d deliveries of the warm-up are lost", lost)
	}
	r, err := c.measure(o, func() error { return c.pace(o.duration, rate) })
	if err != nil || !o.stall {
		return r, err
	}
	if r.Lost > 0 { // they would be owed to the client that stops
		return nil, fmt.Errorf("%d deliveries are lost while everybody reads", r.Lost)
	}
	before := &measured.Before{P99: r.P99, Resident: r.Resident}
	if err := c.stall(l.conns[o.clients-1]); err != nil {
		return nil, err
	}
	r, err = c.measure(o, func() error { return c.pace(o.duration, rate) })
	if err != nil {
		return nil, err
	}
	r.Before = before
	return r, nil
}

// echo has one event of each client outstanding.
func echo(l *loop, o *options) (*measured.Result, error) {
	if err := l.connect(o.addrs, o.clients, connectAtOnce, everybodyReads, patience); err != nil {
		return nil, err
	}
	packet := l.dialect.echo(stamp{}.text(o.size))
	var latencies []uint32
	outstanding, answered, more := 0, 0, true
	ask := func(c *conn) error {
		outstanding++
		c.asked = l.now()
		return l.send(c, packet)
	}
	l.onAnswer = func(c *conn, _ []byte) error {
		outstanding--
		answered++
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
	r, err := m.result(len(latencies), len(latencies))
	if err != nil {
		return nil, err
	}
	r.P50, r.P99 = percentile(latencies, 50), percentile(latencies, 99)
	more = false
	_ = l.until("receive the rest", patience, func() bool { return outstanding <= 0 }) // what has not come is lost
	r.Lost, r.Repeated, r.Deliveries = max(outstanding, 0), max(-outstanding, 0), answered
	return r, nil
}

// idle tells what a connection with one namespace and one room takes. A few clients come before, so
// that what a server sets up once does not count.
func idle(l *loop, o *options) (*measured.Result, error) {
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
	full, err := o.servers.usage()
	if err != nil {
		return nil, err
	}
	if err := l.run(o.settle); err != nil {
		return nil, err
	}
	r, err := m.result(o.clients-few, 0)
	if err != nil {
		return nil, err
	}
	after, err := o.servers.usage()
	if err != nil {
		return nil, err
	}
	r.AtRest = float64((after.cpu - full.cpu).Microseconds()) / float64(o.clients) / o.settle.Seconds()
	r.PerClient = float64(after.resident-before.resident) / float64(o.clients-few) / 1024
	if len(l.conns) != l.ready {
		return nil, fmt.Errorf("%d of %d connections are left", l.ready, len(l.conns))
	}
	return r, nil
}

// accept tells how fast clients get in: TCP, the upgrade, Engine.IO's handshake and the main
// namespace.
func accept(l *loop, o *options) (*measured.Result, error) {
	m, err := newMeter(o)
	if err != nil {
		return nil, err
	}
	if err := l.connect(o.addrs, o.clients, connectAtOnce, everybodyReads, patience); err != nil {
		return nil, err
	}
	return m.result(o.clients, 0)
}
