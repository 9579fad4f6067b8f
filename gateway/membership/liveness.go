// SPDX-License-Identifier: Apache-2.0

package membership

import "time"

// livenessWindow determines since when this gateway can judge the liveness of others. Only Run uses
// it.
type livenessWindow struct {
	timing Timing
	// hearing is when NATS came back, or when this process was last delayed.
	hearing time.Time
	last    time.Time
}

func newLivenessWindow(t Timing) *livenessWindow { return &livenessWindow{timing: t} }

// canTell reports whether a gateway that has been silent for Timing.Dead is dead. It is called at
// each census.
func (w *livenessWindow) canTell(now time.Time, heard bool) bool {
	late := now.Sub(w.last) > 4*w.timing.Census
	w.last = now
	if late || !heard {
		w.hearing = now
	}
	return now.Sub(w.hearing) >= w.timing.Dead
}

// takeCensus gives up dead gateways. It runs in Run. While NATS is away, or does not answer,
// silence says nothing about the others; nor does it after a pause of this process, in which their
// heartbeats have accumulated.
func (p *Peers) takeCensus(w *livenessWindow, now time.Time) {
	can := w.canTell(now, p.hears(now))
	p.table.hears(w.hearing)
	if !can {
		return
	}
	for _, id := range p.table.silent(now.Add(-p.timing.Dead)) {
		p.gone(id, false)
	}
}

// hears reports whether NATS is connected, and has answered at one of the last two heartbeats: so a
// connection that has gone silent is noticed before the others have been silent for long enough to
// be considered dead.
func (p *Peers) hears(now time.Time) bool {
	return p.conn.Connected() && p.conn.HeardSince(now.Add(-2*p.timing.Heartbeat))
}
