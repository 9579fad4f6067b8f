// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"time"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/measured"
)

// meter reads what servers use while something goes on.
type meter struct {
	o       *options
	begin   time.Time
	start   [3]usage // servers, brokers, this program
	broker  measured.Broker
	profile *profile
}

func newMeter(o *options) (*meter, error) {
	m := &meter{o: o}
	var err error
	if m.broker, err = o.traffic(); err != nil {
		return nil, err
	}
	m.profile = startProfile(o)
	m.begin = time.Now()
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

// result tells what count of something has cost, for which clients sent events.
func (m *meter) result(count, events int) (*measured.Result, error) {
	elapsed := time.Since(m.begin).Seconds()
	end, err := m.read()
	if err != nil {
		return nil, err
	}
	per := func(i int) float64 {
		return float64((end[i].cpu - m.start[i].cpu).Microseconds()) / float64(max(count, 1))
	}
	r := &measured.Result{
		Suite: m.o.suite, Clients: m.o.clients, Seconds: elapsed, Count: count, Events: events,
		CPU: per(0), BrokerCPU: per(1), LoaderCPU: per(2),
		Resident: float64(end[0].resident) / (1 << 20), PerSecond: float64(count) / elapsed,
	}
	if m.o.monitor != "" {
		now, err := m.o.traffic()
		if err != nil {
			return nil, err
		}
		r.Broker = &measured.Broker{
			In: now.In - m.broker.In, Out: now.Out - m.broker.Out, Read: now.Read - m.broker.Read, Written: now.Written - m.broker.Written,
			Subscriptions: now.Subscriptions,
		}
	}
	return r, m.profile.finish()
}
