// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// report is what is written.
type report struct {
	model *model
	world world
	on    string // when it was measured, and on what
}

func (r *report) markdown() (string, error) {
	var b strings.Builder
	b.WriteString("![What connections take](images/scale.svg)\n\n")
	if err := r.answer(&b); err != nil {
		return "", err
	}
	r.fitted(&b)
	residuals(&b, "CPU of an event on all gateways, µs", r.model.cpu, r.model.perEvent, r.model.perRelayed, r.model.perDelivery, r.model.perDeliveryMore)
	residuals(&b, "Memory of a gateway, MiB", r.model.resident, r.model.memory, r.model.memoryPerThousand, r.model.memoryPerSubscriptions)
	residuals(&b, "CPU of NATS for an event, µs", r.model.broker, r.model.natsCPU, r.model.natsCPUSent, r.model.natsAtRest)
	r.counted(&b)
	return b.String(), nil
}

// counted compares numbers of subscriptions.
func (r *report) counted(b *strings.Builder) {
	wrong := ""
	for _, s := range r.model.subscriptions {
		if s.measured != s.formula {
			wrong += fmt.Sprintf("- %s: %d, and not %d\n", s.name, s.measured, s.formula)
		}
	}
	if wrong == "" {
		fmt.Fprintf(b, "Subscriptions were counted in %d measurements, and are as the formula says in all.\n", len(r.model.subscriptions))
		return
	}
	fmt.Fprintf(b, "Subscriptions were counted in %d measurements, and are not as the formula says in these:\n\n%s", len(r.model.subscriptions), wrong)
}

// answer is the tables of what it takes: by the size of gateways, and by what clients say.
func (r *report) answer(b *strings.Builder) error {
	w := r.world
	fmt.Fprintf(b, "%s connections in %s rooms, each in %d, sizes by rank to the power of −%g; each client says something every %s, no room takes more than %g events a second.\n\n",
		number(float64(w.connections)), number(float64(w.rooms)), w.roomsPerClient, w.exponent, duration(w.every), w.roomLimit)
	var bySize, byRate []world
	for _, perGateway := range []int{w.perGateway / 2, w.perGateway, 2 * w.perGateway} {
		one := w
		one.perGateway = max(perGateway, 1)
		bySize = append(bySize, one)
	}
	for _, every := range []time.Duration{5 * w.every, w.every, w.every / 5} {
		one := w
		one.every = every
		byRate = append(byRate, one)
	}
	if err := r.table(b, bySize, "connections on a gateway", func(w world) string {
		if w.perGateway > measuredMost {
			return number(float64(w.perGateway)) + ", more than measured"
		}
		return number(float64(w.perGateway))
	}); err != nil {
		return err
	}
	fmt.Fprintf(b, "With %s connections on a gateway, by how often a client says something:\n\n", number(float64(w.perGateway)))
	return r.table(b, byRate, "every", func(w world) string { return duration(w.every) })
}

func (r *report) table(b *strings.Builder, worlds []world, by string, name func(world) string) error {
	head, ruler := "| "+by+" |", "|---|"
	var all []*total
	for _, w := range worlds {
		t, err := r.model.total(w)
		if err != nil {
			return err
		}
		all = append(all, t)
		head += " " + name(w) + " |"
		ruler += "---:|"
	}
	fmt.Fprintf(b, "%s\n%s\n", head, ruler)
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |", row.name)
		for _, t := range all {
			fmt.Fprintf(b, " %s |", row.of(t))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	return nil
}

// rows of a table of totals. All but sizes are of one second.
var rows = []struct {
	name string
	of   func(*total) string
}{
	{"gateways", func(t *total) string { return number(float64(t.gateways)) }},
	{"cores of all gateways", func(t *total) string { return number(t.cores) }},
	{"the same, if events cost as on a gateway that is full", func(t *total) string { return number(t.coresBusy) }},
	{"cores of the busiest gateway", func(t *total) string { return number(t.busiest) }},
	{"memory of all gateways, GiB", func(t *total) string { return number(t.memory) }},
	{"members of the largest room", func(t *total) string { return number(float64(t.largestRoom)) }},
	{"events from clients, /s", func(t *total) string { return number(t.events) }},
	{"deliveries to clients, /s", func(t *total) string { return number(t.deliveries) }},
	{"messages to NATS, /s", func(t *total) string { return number(t.taken) }},
	{"messages from NATS, /s", func(t *total) string { return number(t.sent) }},
	{"of both, gateways' own heartbeats", func(t *total) string { return number(t.heartbeats) }},
	{"the same from NATS, were each event sent to every gateway", func(t *total) string { return number(t.events * float64(t.gateways-1)) }},
	{"to NATS, MB/s", func(t *total) string { return number(t.takenBytes / 1e6) }},
	{"from NATS, MB/s", func(t *total) string { return number(t.sentBytes / 1e6) }},
	{"cores of NATS, if it costs as when busy", func(t *total) string { return number(t.natsCoresBusy) }},
	{"cores of NATS, if it costs as with few messages", func(t *total) string { return number(t.natsCores) }},
	{"subscriptions of a gateway, mean", func(t *total) string { return number(t.subscriptions / float64(t.gateways)) }},
	{"subscriptions of a gateway, most", func(t *total) string { return number(t.mostOfSubs) }},
	{"subscriptions in total", func(t *total) string { return number(t.subscriptions) }},
	{"with recovery, messages from NATS, /s", func(t *total) string { return number(t.stored) }},
}

// fitted lists coefficients.
func (r *report) fitted(b *strings.Builder) {
	m := r.model
	fmt.Fprintf(b, "Measured %s. The coefficients:\n\n| | |\n|---|---:|\n", r.on)
	for _, c := range []struct {
		name  string
		value float64
	}{
		{"`e`, CPU of an event from a client, µs", m.perEvent},
		{"`r`, CPU of an event that NATS brings, µs", m.perRelayed},
		{"`d`, CPU of a delivery, µs", m.perDelivery},
		{"`g`, what is added to it for each 10,000 connections, µs", m.perDeliveryMore},
		{"`f`, CPU of events and deliveries on a gateway that is full, by that", m.busy},
		{"`i`, CPU of an idle connection, µs in a second", m.perConnection},
		{"`m`, memory of a gateway without connections, MiB", m.memory},
		{"`c`, memory of 1,000 connections, MiB", m.memoryPerThousand},
		{"`s`, memory of 1,000 subscriptions, MiB", m.memoryPerSubscriptions},
		{"bytes of a message to NATS", m.natsTaken},
		{"bytes of a message from NATS", m.natsSent},
		{"CPU of NATS for a message to it, of few, µs", m.natsCPU},
		{"CPU of NATS for a message from it, of few, µs", m.natsCPUSent},
		{"CPU of NATS for either, when busy, µs", m.natsCPUBusy},
		{"CPU of NATS without messages, µs in a second", m.natsAtRest},
	} {
		fmt.Fprintf(b, "| %s | %.3g |\n", c.name, c.value)
	}
	b.WriteString("\n")
}

// residuals compares a fit with what it is of.
func residuals(b *strings.Builder, about string, samples []sample, coefficients ...float64) {
	fmt.Fprintf(b, "| %s | measured | fitted | off by |\n|---|---:|---:|---:|\n", about)
	for _, s := range samples {
		estimate := s.estimate(coefficients)
		fmt.Fprintf(b, "| %s | %.4g | %.4g | %+.0f%% |\n", s.name, s.value, estimate, 100*(estimate/s.value-1))
	}
	b.WriteString("\n")
}

// duration is without seconds if there are none.
func duration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}

// number has three digits that count, and commas between thousands.
func number(x float64) string {
	if x < 999.5 {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	digits := strconv.FormatFloat(x, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
