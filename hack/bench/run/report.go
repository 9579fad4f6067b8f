// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/between"
	"github.com/realtime-operator/realtime-operator/hack/bench/internal/measured"
)

const (
	beginMark = "<!-- make bench writes from here -->\n"
	endMark   = "<!-- to here -->\n"
	// Between these two are profiles. They stay as they are if none are taken.
	beginProfiles = "<!-- make bench BENCH_FLAGS=-profile=FOLDER writes from here -->\n"
	endProfiles   = "<!-- profiles end here -->\n"
)

// report is medians of measurements.
type report struct {
	all      []measured.Run
	options  options
	profiles string // Markdown; empty if there are none
}

func newReport(all []measured.Run, o options) *report { return &report{all: all, options: o} }

// median of a figure; ok is false if it was not measured.
func (r *report) median(s suite, peerName string, f figure) (float64, bool) {
	var values []float64
	for _, m := range r.all {
		if m.Name == s.name && m.Peer == peerName {
			values = append(values, f.of(m))
		}
	}
	if len(values) == 0 {
		return 0, false
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2, true
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %s.\n\n", r.options.on, r.effort())
	r.table(&b, judged, 1, node)
	r.table(&b, judged, 2, twoNodes)
	r.table(&b, forInfo, 1, node)
	r.table(&b, scaling, 1, "")
	r.table(&b, scaling, 2, "")
	r.compare(&b)
	r.wrong(&b)
	return b.String()
}

// effort says what the figures are made of.
func (r *report) effort() string {
	if r.options.runs == 1 {
		return fmt.Sprintf("one run of %v", r.options.duration)
	}
	return fmt.Sprintf("medians of %d runs of %v, with ¹ one run", r.options.runs, r.options.duration)
}

// table has a row for each figure of a group's suites on so many servers. What is in brackets is
// the ratio to the reference.
func (r *report) table(b *strings.Builder, group string, servers int, reference string) {
	var chosen []suite
	for _, s := range suites {
		if s.group == group && s.servers == servers && slices.Contains(r.options.suites, s.name) {
			chosen = append(chosen, s)
		}
	}
	var columns []peer
	for _, p := range peers {
		if slices.Contains(r.options.peers, p.name) && slices.ContainsFunc(chosen, func(s suite) bool { return s.takes(p) }) {
			columns = append(columns, p)
		}
	}
	if len(columns) == 0 {
		return
	}
	head, ruler := "| |", "|---|"
	for _, p := range columns {
		head += " " + p.about + " |"
		ruler += "---|"
	}
	if group == judged {
		head += " goal |"
		ruler += "---|"
	}
	fmt.Fprintf(b, "%s\n%s\n", head, ruler)
	for _, s := range chosen {
		for i, f := range s.figures {
			r.row(b, s, f, columns, reference)
			if group == judged {
				fmt.Fprintf(b, " %s |", s.goals[i])
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("\n")
}

// row is a figure of all peers.
func (r *report) row(b *strings.Builder, s suite, f figure, columns []peer, reference string) {
	reference = s.reference(reference)
	fmt.Fprintf(b, "| %s%s: %s, %s |", s.name, r.onlyOnce(s), f.name, f.unit)
	base, compared := r.median(s, reference, f)
	for _, p := range columns {
		value, ok := r.median(s, p.name, f)
		switch {
		case !ok:
			b.WriteString(" – |")
		case compared && base > 0 && p.name != reference && !f.own:
			fmt.Fprintf(b, " %.4g (%.2f×) |", value, value/base)
		default:
			fmt.Fprintf(b, " %.4g |", value)
		}
	}
}

// onlyOnce marks suites with one run among those with several.
func (r *report) onlyOnce(s suite) string {
	if s.once && r.options.runs > 1 {
		return "¹"
	}
	return ""
}

// wrong lists what did not arrive as it should have.
func (r *report) wrong(b *strings.Builder) {
	clean := true
	for _, m := range r.all {
		if m.Lost+m.Repeated+m.Reordered != 0 {
			clean = false
			fmt.Fprintf(b, "- %s, %s: %d lost, %d repeated, %d reordered.\n", m.Name, m.Peer, m.Lost, m.Repeated, m.Reordered)
		}
	}
	if clean {
		b.WriteString("Nothing was lost, repeated, or reordered per sender.\n")
	}
}

// write puts the report between the markers of a file, and plots beside it.
func (r *report) write(file string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the report: %w", err)
	}
	peerVersions, err := versions(r.options.root)
	if err != nil {
		return err
	}
	text := "Peers: " + peerVersions + ".\n\n" + r.markdown() + "\n"
	for _, s := range suites {
		svg, ok := r.plot(s)
		if !ok {
			continue
		}
		name := "bench-" + s.name + ".svg"
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), "images", name), svg, 0o644); err != nil {
			return fmt.Errorf("write a plot: %w", err)
		}
		text += fmt.Sprintf("![%s](images/%s)\n", s.name, name)
	}
	data, err := between.Replace(old, beginMark, endMark, text)
	if err != nil {
		return err
	}
	if r.profiles != "" {
		if data, err = between.Replace(data, beginProfiles, endProfiles, r.profiles); err != nil {
			return err
		}
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
