// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/machine"
)

// The marks between which the document is written.
const (
	begin = "<!-- make bench-operator writes from here -->\n"
	end   = "<!-- to here -->\n"
)

// rows are the table's rows.
var rows = []struct {
	name string
	of   func(f *figures) string
}{
	{"time until all are ready, s", func(f *figures) string { return rounded(f.ready.Seconds()) }},
	{"API calls until then, per service", func(f *figures) string { return rounded(f.each(f.readyCalls.total())) }},
	{"API calls at rest, per second", func(f *figures) string { return rounded(float64(f.restCalls.total()) / f.rest.Seconds()) }},
	{"the same per service and minute", func(f *figures) string { return rounded(f.each(f.restCalls.total()) / f.rest.Minutes()) }},
	{"gateways asked for their status, per second", func(f *figures) string { return rounded(float64(f.restAsked) / f.rest.Seconds()) }},
	{"cores at rest", func(f *figures) string { return rounded(f.restCPU.Seconds() / f.rest.Seconds()) }},
	{"memory at rest, MiB", func(f *figures) string { return rounded(f.memory) }},
	{"the most memory so far, MiB", func(f *figures) string { return rounded(f.most) }},
	{"API calls for a change", func(f *figures) string { return rounded(float64(f.changeCalls.total()) / float64(f.changes)) }},
	{"time until a change is in force, median, s", func(f *figures) string { return rounded(f.changed[len(f.changed)/2].Seconds()) }},
	{"the longest, s", func(f *figures) string { return rounded(f.changed[len(f.changed)-1].Seconds()) }},
	{"time until a new operator has seen all, s", func(f *figures) string { return rounded(f.restart.Seconds()) }},
	{"API calls of a new operator, per service", func(f *figures) string { return rounded(f.each(f.restartCalls.total())) }},
	{"the most memory of a new operator, MiB", func(f *figures) string { return rounded(f.restMax) }},
}

func (f *figures) each(n int) float64 { return float64(n) / float64(f.services) }

// rounded is a number with about three digits.
func rounded(x float64) string {
	switch {
	case x >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

// markdown is the part of the document that this program writes.
func markdown(all []figures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s; API server, etcd and what is simulated on the same machine.\n\n", time.Now().Format(time.DateOnly), machine.Describe())
	b.WriteString("| services |")
	for i := range all {
		fmt.Fprintf(&b, " %d |", all[i].services)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(all)) + "\n")
	for _, row := range rows {
		b.WriteString("| " + row.name + " |")
		for i := range all {
			fmt.Fprintf(&b, " %s |", row.of(&all[i]))
		}
		b.WriteString("\n")
	}
	last := &all[len(all)-1]
	fmt.Fprintf(&b, "\nThe calls with %d services:\n\n", last.services)
	fmt.Fprintf(&b, "- Until all are ready, per service: %s.\n", last.readyCalls.list(last.services))
	fmt.Fprintf(&b, "- At rest, in %v, of all services: %s.\n", last.rest, last.restCalls.list(1))
	fmt.Fprintf(&b, "- For a change: %s.\n", last.changeCalls.list(last.changes))
	fmt.Fprintf(&b, "- After a restart, per service: %s.\n\n", last.restartCalls.list(last.services))
	return b.String()
}
