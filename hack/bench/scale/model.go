// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/measured"
)

const (
	// tenThousand is the unit of connections in which the price of a delivery grows.
	tenThousand = 10_000.0
	// measuredMost is the largest number of connections that was measured on one gateway.
	measuredMost = 10_000
	// ownSubscriptions are a gateway's without rooms: peers, requests, answers, what other programs
	// publish; and of its only namespace all, and its own sockets.
	ownSubscriptions = 6
	// step is that of CPU time as the kernel tells it, in µs.
	step = 10_000.0
	// heartbeat is how often a gateway tells the others that it lives, in seconds
	// (gateway/membership/membership.go).
	heartbeat = 2.5
)

// model is what was found by measurement. Costs are µs of CPU time.
type model struct {
	// perEvent is the price of an event from a client: read, decoded, handled, published.
	// perRelayed is that of one that NATS brings. perDelivery is that of each local member,
	// perDeliveryMore what is added to it for each ten thousand connections.
	perEvent, perRelayed, perDelivery, perDeliveryMore float64
	// busy is what events and deliveries cost when there are as many as possible, by what they cost
	// at the rates of the fit.
	busy float64
	// perConnection is the price of a connection that says nothing, in a second: its heartbeat.
	perConnection float64
	// Memory of a gateway in MiB: without connections, for each thousand of them, and for each
	// thousand subscriptions.
	memory, memoryPerThousand, memoryPerSubscriptions float64
	// natsTaken and natsSent are the bytes on the wire of a message to and from NATS.
	natsTaken, natsSent float64
	// natsCPU is the price of a message to NATS, and natsCPUSent of one from it, at few messages a
	// second; natsCPUBusy that of either when there are as many as possible. natsAtRest is what it
	// takes in a second without any.
	natsCPU, natsCPUSent, natsCPUBusy, natsAtRest float64

	cpu, resident, broker []sample // for the residuals
	subscriptions         []subscriptionCheck
}

// subscriptionCheck compares what NATS counted with the formula.
type subscriptionCheck struct {
	name              string
	measured, formula int
}

// gatewaysOf is how many gateways a run had.
func gatewaysOf(r measured.Run) int {
	if strings.HasPrefix(r.Name, "scale-two-") {
		return 2
	}
	return 1
}

// newModel fits everything.
func newModel(runs []measured.Run) (*model, error) {
	m := &model{}
	idle := 0
	var full measured.Run // a closed loop
	var taken, sent, takenBytes, sentBytes float64
	for _, r := range runs {
		gateways := float64(gatewaysOf(r))
		switch {
		case !strings.HasPrefix(r.Name, "scale-") || r.Broker == nil:
			continue
		case r.Suite == "idle":
			idle++
			m.perConnection += r.AtRest
			continue
		case r.Events == 0 || r.Count == 0:
			return nil, fmt.Errorf("%s measured nothing", r.Name)
		case r.Suite == "rooms":
			full = r
			continue
		}
		members, connections, events := float64(r.Count)/float64(r.Events), float64(r.Clients)/gateways, float64(r.Events)
		m.cpu = append(m.cpu, cpuOf(r))
		m.resident = append(m.resident, sample{r.Name, []float64{1, connections / 1000, float64(ownSubscriptions+r.Rooms) / 1000}, r.Resident / gateways, 0})
		m.broker = append(m.broker, sample{
			r.Name, []float64{float64(r.Broker.In) / events, float64(r.Broker.Out) / events, r.Seconds / events}, r.BrokerCPU * members, step / events,
		})
		m.subscriptions = append(m.subscriptions, subscriptionCheck{r.Name, r.Broker.Subscriptions, int(gateways) * (ownSubscriptions + r.Rooms)})
		if gateways == 2 {
			taken, takenBytes = taken+float64(r.Broker.In), takenBytes+float64(r.Broker.Read)
			sent, sentBytes = sent+float64(r.Broker.Out), sentBytes+float64(r.Broker.Written)
		}
	}
	if idle == 0 || sent == 0 || full.Events == 0 {
		return nil, errUndetermined
	}
	m.perConnection /= float64(idle)
	m.natsTaken, m.natsSent = takenBytes/taken, sentBytes/sent
	m.discountNATS()
	if err := m.fit(); err != nil {
		return nil, err
	}
	m.natsCPUBusy = full.BrokerCPU * float64(full.Count) / float64(full.Broker.In+full.Broker.Out)
	loop := cpuOf(full)
	m.busy = loop.value / loop.estimate([]float64{m.perEvent, m.perRelayed, m.perDelivery, m.perDeliveryMore})
	return m, nil
}

// cpuOf is what an event costs in a run, on all gateways.
func cpuOf(r measured.Run) sample {
	gateways, members := float64(gatewaysOf(r)), float64(r.Count)/float64(r.Events)
	factors := []float64{1, gateways - 1, members, members * float64(r.Clients) / gateways / tenThousand}
	return sample{r.Name, factors, r.CPU * members, step / float64(r.Events)}
}

// discountNATS takes off the subscriptions that are the server's own, the same in all runs.
func (m *model) discountNATS() {
	own := slices.MinFunc(m.subscriptions, func(a, b subscriptionCheck) int { return a.measured - a.formula - (b.measured - b.formula) })
	for i := range m.subscriptions {
		m.subscriptions[i].measured -= own.measured - own.formula
	}
}

func (m *model) fit() error {
	cpu, err := fit(m.cpu)
	resident, err2 := fit(m.resident)
	broker, err3 := fit(m.broker)
	if err := errors.Join(err, err2, err3); err != nil {
		return err
	}
	m.perEvent, m.perRelayed, m.perDelivery, m.perDeliveryMore = cpu[0], cpu[1], cpu[2], cpu[3]
	m.memory, m.memoryPerThousand, m.memoryPerSubscriptions = resident[0], resident[1], resident[2]
	m.natsCPU, m.natsCPUSent, m.natsAtRest = broker[0], broker[1], broker[2]
	return nil
}

// delivery is the price of one on a gateway with so many connections.
func (m *model) delivery(connections float64) float64 {
	return m.perDelivery + m.perDeliveryMore*connections/tenThousand
}

// cores is what a gateway uses, at the rates of the fit and when it is as busy as can be.
func (m *model) cores(g load) (usual, busy float64) {
	idle := m.perConnection * g.connections
	events := m.perEvent*g.events + m.perRelayed*g.relayed + m.delivery(g.connections)*g.deliveries
	return (idle + events) / 1e6, (idle + m.busy*events) / 1e6
}

// resides is the memory of a gateway in MiB.
func (m *model) resides(connections, subscriptions float64) float64 {
	return m.memory + m.memoryPerThousand*connections/1000 + m.memoryPerSubscriptions*subscriptions/1000
}
