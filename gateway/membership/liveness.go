// SPDX-License-Identifier: Apache-2.0

package membership

import "time"

// livenessWindow is since when this gateway can tell who lives. Only Run uses it.
type livenessWindow struct {
	timing Timing
	// hearing is when NATS was back, or this process itself was held up for the last time.
	hearing time.Time
	last    time.Time
}

func newLivenessWindow(t Timing) *livenessWindow { return &livenessWindow{timing: t} }

// canTell tells whether who has been silent for the time after which a gateway is dead is so. It is
// asked at each census.
func (w *livenessWindow) canTell(now time.Time, heard bool) bool {
	late := now.Sub(w.last) > 4*w.timing.Census
	w.last = now
	if late || !heard {
		w.hearing = now
	}
	return now.Sub(w.hearing) >= w.timing.Dead
}

// takeCensus gives up the gateways that do not live. It runs in Run. While NATS is away, or does not
// answer, silence says nothing of the others, nor does it after a pause of this process, in which their
// heartbeats have piled up.
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

// hears tells whether NATS is there, and has answered at one of the last two heartbeats: so it notices a
// connection that has gone silent before the silence of others has lasted long enough to take them for
// dead.
func (p *Peers) hears(now time.Time) bool {
	return p.conn.Connected() && p.conn.HeardSince(now.Add(-2*p.timing.Heartbeat))
}
