// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// shownFaults bounds Result.Faults, and what a room has of them.
const shownFaults = 20

// Result is what a phase, or several, did to messages and clients.
type Result struct {
	Fault string
	// Messages were acknowledged; Unacked were not, within the deadline.
	Messages, Unacked int
	// Deliveries is how many arrivals the acknowledged messages owed.
	Deliveries int
	// Lost of them never came, and nobody told the client. Excused never came either, to clients
	// that were told: they got a new session in place of their old one.
	Lost, Excused int
	// Faults describe some of what was lost, duplicated or out of order.
	Faults []string
	// Duplicated is arrivals of an emission that had arrived before.
	Duplicated int
	// Disordered is arrivals after a later message of the same publisher in the same room.
	Disordered int
	// Crossed is arrivals in another order than the room's first member saw.
	Crossed int
	// Repeats is emissions for want of an acknowledgement; Again is arrivals of these at who had
	// the first.
	Repeats, Again int
	// Late is arrivals of an earlier phase's messages, counted as lost there.
	Late int
	// Opens is connections, of Clients clients; MaxOpens of one client, in one phase.
	Clients, Opens, MaxOpens int
	// Bounced is clients that connected more than once because of something planned.
	Bounced int
	// Recovered and Refused are the answers to clients that asked for recovery. Told is those of
	// Refused in a phase whose fault makes some recoveries impossible.
	Recovered, Refused, Told int
	// Absent is clients that were not back in their rooms in time.
	Absent int
	// Harmless is phases whose fault should have shown, and did not.
	Harmless int
	// Stopped is clients that a stock client would have left disconnected. Nacks is
	// acknowledgements that say no.
	Stopped, Nacks int
	// Overstayed is gateways that had to be killed when they had been told to leave.
	Overstayed int
	// Crashed is gateways that ended by themselves.
	Crashed int
	// Silence is the longest that a client heard nothing. P99 and Max are of the time from emission
	// to arrival.
	Silence, P99, Max time.Duration
	// Reasons says why connections ended or were not opened.
	Reasons map[string]int
}

// Result sums up the phase. Nothing is published meanwhile.
func (l *Ledger) Result(fault string) Result {
	res := Result{Fault: fault, Clients: len(l.clients), Late: int(l.late.Load()), Repeats: int(l.repeats.Load())}
	for _, c := range l.clients {
		c.mu.Lock()
		res.Opens += c.opens
		res.MaxOpens = max(res.MaxOpens, c.opens)
		res.Recovered += c.recovered
		res.Refused += c.declined
		res.Stopped += c.stops
		res.Nacks += c.nacks
		res.Silence = max(res.Silence, c.silence)
		c.mu.Unlock()
	}
	var delays []time.Duration
	for i, r := range l.rooms {
		r.mu.Lock()
		for _, rec := range r.messages {
			if rec.acked {
				res.Messages++
				res.Deliveries += len(rec.arrivals)
			} else {
				res.Unacked++
			}
		}
		r.missing(func(member int, name said, told bool) {
			if told {
				res.Excused++
				return
			}
			res.Lost++
			res.Faults = append(res.Faults, fmt.Sprintf("message %d of client %d did not come to member %d of room %d", name.seq, name.publisher, member, i))
		})
		res.Faults = append(res.Faults, r.faults...)
		res.Duplicated += r.duplicated
		res.Disordered += r.disordered
		res.Again += r.again
		res.Crossed += r.crossed()
		delays = append(delays, r.delays...)
		r.mu.Unlock()
	}
	res.Faults = res.Faults[:min(len(res.Faults), shownFaults)]
	res.P99, res.Max = percentile(delays, 0.99), percentile(delays, 1)
	l.reasons.mu.Lock()
	res.Reasons = maps.Clone(l.reasons.counts)
	l.reasons.mu.Unlock()
	return res
}

// Bounced is how many clients have connected more than once in the phase.
func (l *Ledger) Bounced() int {
	n := 0
	for _, c := range l.clients {
		c.update(func(c *clientLedger) {
			if c.opens > 1 {
				n++
			}
		})
	}
	return n
}

func percentile(d []time.Duration, p float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[min(int(float64(len(d))*p), len(d)-1)]
}

// Total sums up results.
func Total(results []Result) Result {
	t := Result{Fault: "total", Reasons: map[string]int{}}
	for _, r := range results {
		t.Clients = r.Clients
		t.Messages += r.Messages
		t.Unacked += r.Unacked
		t.Deliveries += r.Deliveries
		t.Lost += r.Lost
		t.Excused += r.Excused
		t.Duplicated += r.Duplicated
		t.Disordered += r.Disordered
		t.Crossed += r.Crossed
		t.Repeats += r.Repeats
		t.Again += r.Again
		t.Late += r.Late
		t.Opens += r.Opens
		t.MaxOpens = max(t.MaxOpens, r.MaxOpens)
		t.Bounced += r.Bounced
		t.Recovered += r.Recovered
		t.Refused += r.Refused
		t.Told += r.Told
		t.Absent += r.Absent
		t.Harmless += r.Harmless
		t.Stopped += r.Stopped
		t.Nacks += r.Nacks
		t.Overstayed += r.Overstayed
		t.Crashed += r.Crashed
		t.Silence, t.P99, t.Max = max(t.Silence, r.Silence), max(t.P99, r.P99), max(t.Max, r.Max)
		for reason, n := range r.Reasons {
			t.Reasons[reason] += n
		}
	}
	return t
}

// Failed says what a service that promises recovery may not do. Messages whose publisher emitted
// again arrive again; that is the publisher's doing, and no fault. The order between publishers is
// a promise only where it is asked for.
func (r Result) Failed(totalOrder bool) []string {
	var wrong []string
	for what, n := range map[string]int{
		"lost": r.Lost, "duplicated": r.Duplicated, "out of order": r.Disordered, "never acknowledged": r.Unacked,
		"recoveries refused": r.Refused, "clients stopped for good": r.Stopped, "arrived after the deadline": r.Late,
		"clients not back in time": r.Absent, "faults without effect": r.Harmless,
		"clients sent away more than once in a planned restart": r.Bounced, "gateways killed for not leaving": r.Overstayed, "gateways crashed": r.Crashed,
	} {
		if n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d %s", n, what))
		}
	}
	if totalOrder && r.Crossed > 0 {
		wrong = append(wrong, fmt.Sprintf("%d in another order than the room's", r.Crossed))
	}
	slices.Sort(wrong)
	return wrong
}

var columns = []string{
	"fault", "messages", "deliveries", "lost", "told and missed", "duplicated", "out of order", "crossed", "unacked",
	"emitted again", "arrived again", "refused by the service", "connections/client, mean", "max", "bounced", "recovered", "refused", "told",
	"absent", "stopped", "overstayed", "crashed",
	"silence", "p99", "slowest",
}

func (r Result) cells() []string {
	opens := float64(r.Opens) / float64(max(r.Clients, 1))
	values := []any{
		r.Fault, r.Messages, r.Deliveries, r.Lost, r.Excused, r.Duplicated, r.Disordered, r.Crossed, r.Unacked,
		r.Repeats, r.Again, r.Nacks, fmt.Sprintf("%.2f", opens), r.MaxOpens, r.Bounced, r.Recovered, r.Refused, r.Told,
		r.Absent, r.Stopped, r.Overstayed, r.Crashed,
		seconds(r.Silence), seconds(r.P99), seconds(r.Max),
	}
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = fmt.Sprint(v)
	}
	return cells
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

// Table is results as a table in Markdown, which is readable as text too.
func Table(results []Result) string {
	rows := [][]string{columns}
	for _, r := range results {
		rows = append(rows, r.cells())
	}
	widths := make([]int, len(columns))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		for i, cell := range row {
			b.WriteString("| " + cell + strings.Repeat(" ", widths[i]-len(cell)+1))
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for _, width := range widths {
			b.WriteString("|" + strings.Repeat("-", width+2))
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// Why says why connections ended or could not be opened, and what publishers were told, the most
// frequent first.
func (r Result) Why() string {
	reasons := slices.SortedFunc(maps.Keys(r.Reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Reasons[b], r.Reasons[a]), cmp.Compare(a, b))
	})
	var b strings.Builder
	for _, reason := range reasons {
		b.WriteString(fmt.Sprintf("%8d  %s\n", r.Reasons[reason], reason))
	}
	return b.String()
}
