// SPDX-License-Identifier: Apache-2.0

package main

// total is what a world takes by a model.
type total struct {
	*outcome
	gateways int
	// Cores and GiB of all gateways; cores also of the one with the most to do, and of all if
	// events cost as when busy.
	cores, busiest, coresBusy float64
	memory                    float64
	// Of NATS, in a second. heartbeats are those of gateways, taken and sent.
	taken, sent, heartbeats   float64
	takenBytes, sentBytes     float64
	natsCores, natsCoresBusy  float64
	subscriptions, mostOfSubs float64
}

func (m *model) total(w world) (*total, error) {
	o, err := simulate(w)
	if err != nil {
		return nil, err
	}
	t := &total{outcome: o, gateways: len(o.each)}
	for _, g := range o.each {
		cores, busy := m.cores(g)
		t.cores += cores
		t.coresBusy += busy
		t.busiest = max(t.busiest, cores)
		t.memory += m.resides(g.connections, g.subscriptions) / 1024
		t.subscriptions += g.subscriptions
		t.mostOfSubs = max(t.mostOfSubs, g.subscriptions)
	}
	beats := float64(t.gateways) / heartbeat
	beatsSent := beats * float64(t.gateways-1)
	t.heartbeats = beats + beatsSent
	t.taken, t.sent = o.events+beats, o.relayed+beatsSent
	t.takenBytes, t.sentBytes = t.taken*m.natsTaken, t.sent*m.natsSent
	t.natsCores = (t.taken*m.natsCPU + t.sent*m.natsCPUSent + m.natsAtRest) / 1e6
	t.natsCoresBusy = (t.taken + t.sent) * m.natsCPUBusy / 1e6
	return t, nil
}
