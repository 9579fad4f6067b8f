// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/between"
	"github.com/realtime-operator/realtime-operator/hack/bench/internal/machine"
)

// Goals: CPU for a byte by that of plain messages, memory for a client in bytes, and the neighbor's
// p99 by that while plain messages take as much of its gateway, or the same attack is on another
// one: the larger of the two.
const (
	mostCPU      = 3
	mostMemory   = 64 * kib
	mostNeighbor = 1.3
)

// Marks between which the document is written.
const (
	beginMark = "<!-- make bench-hostile writes from here -->\n"
	endMark   = "<!-- to here -->\n"
)

type report struct {
	settings settings
	all      []*measurement
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// String is a row while others are measured.
func (m *measurement) String() string {
	return fmt.Sprintf("%.2f ns/B (NATS %.2f), %.0f kB/s, %.1f KiB (resident %.1f) for each of %d, p99 %.2f, elsewhere %.2f, here %.2f ms; %v",
		median(m.cpu), median(m.natsCPU), m.rate()/1000, m.goBytes/kib, m.resident/kib, m.clients,
		median(m.alone), median(m.elsewhere), median(m.here), &m.outcome)
}

// rate is how many bytes a second the attack has sent.
func (m *measurement) rate() float64 { return float64(m.outcome.Sent) / max(m.outcome.Seconds, 1e-9) }

// verdict puts a mark behind a figure that has a goal.
func verdict(met bool) string {
	if met {
		return " ✓"
	}
	return " ✗"
}

// plain is the row of plain messages that another one is compared with; nil for a row that is plain
// itself.
func (r *report) plain(m *measurement) *measurement {
	for _, other := range r.all {
		if other.row.name == m.row.like {
			return other
		}
	}
	return nil
}

// ratio is the CPU for a byte by that of plain messages; ok is false for a row that is plain
// itself.
func (r *report) ratio(m *measurement) (ratio float64, ok bool) {
	plain := r.plain(m)
	if plain == nil {
		return 0, false
	}
	return median(m.cpu) / median(plain.cpu), true
}

// delay is the neighbor's p99 by that which the goal allows it to be compared with.
func (r *report) delay(m *measurement) float64 {
	with := median(m.elsewhere)
	if plain := r.plain(m); plain != nil {
		with = max(with, median(plain.here))
	}
	return median(m.here) / with
}

func (r *report) cpu(m *measurement) string {
	ratio, ok := r.ratio(m)
	switch {
	case !ok:
		return fmt.Sprintf("%.3g | |", median(m.cpu))
	case m.row.asked:
		return fmt.Sprintf("%.3g | %.2g× %s |", median(m.cpu), ratio, m.row.like)
	}
	return fmt.Sprintf("%.3g | %.2g× %s%s |", median(m.cpu), ratio, m.row.like, verdict(ratio <= mostCPU))
}

func (m *measurement) memory() string {
	met := verdict(m.goBytes <= float64(mostMemory+m.row.holds))
	if m.row.holds == 0 || m.goBytes <= mostMemory {
		return fmt.Sprintf("%.3g%s", m.goBytes/kib, met)
	}
	return fmt.Sprintf("%.4g of %d: %s%s", m.goBytes/kib, (mostMemory+m.row.holds)/kib, m.row.why, met)
}

func (r *report) neighbor(m *measurement) string {
	ratio := r.delay(m)
	return fmt.Sprintf("%.2f | %.2f | %.2f | %.2f×%s", median(m.alone), median(m.elsewhere), median(m.here), ratio, verdict(ratio <= mostNeighbor))
}

func (r *report) table(b *strings.Builder, title string, plain bool) {
	fmt.Fprintf(b, "| %s | what clients do | kB/s | CPU, ns/B | by plain messages | NATS, ns/B | memory, KiB/client | p99 alone, ms | attack elsewhere | here | by the goal's | clients |\n", title)
	b.WriteString("|---|---|---:|---:|---|---:|---|---:|---:|---:|---|---|\n")
	for _, m := range r.all {
		if plain == (m.row.like == "") {
			fmt.Fprintf(b, "| %s | %s | %.3g | %s %.2g | %s | %s | %v |\n",
				m.row.name, m.row.does, m.rate()/1000, r.cpu(m), max(0, median(m.natsCPU)), m.memory(), r.neighbor(m), &m.outcome)
		}
	}
	b.WriteString("\n")
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s; %d rounds of %v, attacks that take %g of a processor.\n\n",
		time.Now().UTC().Format(time.DateOnly), machine.Describe(), r.settings.rounds, r.settings.duration, r.settings.share)
	r.missed(&b)
	r.table(&b, "plain", true)
	r.table(&b, "hostile", false)
	return b.String()
}

// missed lists rows that miss a goal.
func (r *report) missed(b *strings.Builder) {
	var missed []string
	for _, m := range r.all {
		ratio, compared := r.ratio(m)
		if compared && !m.row.asked && ratio > mostCPU {
			missed = append(missed, m.row.name+" (CPU)")
		}
		if m.goBytes > float64(mostMemory+m.row.holds) {
			missed = append(missed, m.row.name+" (memory)")
		}
		if r.delay(m) > mostNeighbor {
			missed = append(missed, m.row.name+" (neighbor)")
		}
	}
	if len(missed) == 0 {
		b.WriteString("All goals are met.\n\n")
		return
	}
	fmt.Fprintf(b, "Goals are missed by %s.\n\n", strings.Join(missed, ", "))
}

func (r *report) print(to io.Writer) error {
	if _, err := io.WriteString(to, r.markdown()); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

// write puts the tables between the marks of a file.
func (r *report) write(file string) error {
	return between.Write(file, beginMark, endMark, r.markdown())
}
