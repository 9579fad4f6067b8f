// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	beginMark = "<!-- make bench writes from here -->\n"
	endMark   = "<!-- to here -->\n"
)

// report is medians of measurements.
type report struct {
	all     []measurement
	options options
	began   time.Time
}

func newReport(all []measurement, o options, began time.Time) *report { return &report{all, o, began} }

// median of a figure; ok is false if it was not measured.
func (r *report) median(s suite, peerName string, f figure) (float64, bool) {
	var values []float64
	for _, m := range r.all {
		if m.Name == s.name && m.Peer == peerName {
			values = append(values, f.of(m.result))
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
	fmt.Fprintf(&b, "%s, %s; medians of %d runs of %v.\n\n", r.began.UTC().Format("2006-01-02"), machine(), r.options.runs, r.options.duration)
	r.table(&b, 1, node)
	r.table(&b, 2, twoNodes)
	r.wrong(&b)
	return b.String()
}

// table has a row for each figure of suites on so many servers. What is in brackets is the ratio to the reference.
func (r *report) table(b *strings.Builder, servers int, reference string) {
	var columns []peer
	for _, p := range peers {
		if p.servers == servers && slices.Contains(r.options.peers, p.name) {
			columns = append(columns, p)
		}
	}
	var rows strings.Builder
	for _, s := range suites {
		if s.servers != servers || !slices.Contains(r.options.suites, s.name) {
			continue
		}
		for i, f := range s.figures {
			fmt.Fprintf(&rows, "| %s: %s, %s |", s.name, f.name, f.unit)
			base, compared := r.median(s, reference, f)
			for _, p := range columns {
				value, ok := r.median(s, p.name, f)
				switch {
				case !ok:
					rows.WriteString(" – |")
				case compared && base > 0 && p.name != reference:
					fmt.Fprintf(&rows, " %.4g (%.2f×) |", value, value/base)
				default:
					fmt.Fprintf(&rows, " %.4g |", value)
				}
			}
			fmt.Fprintf(&rows, " %s |\n", s.goals[i])
		}
	}
	if len(columns) == 0 || rows.Len() == 0 {
		return
	}
	b.WriteString("| |")
	for _, p := range columns {
		fmt.Fprintf(b, " %s |", p.about)
	}
	fmt.Fprintf(b, " goal |\n|---|%s---|\n%s\n", strings.Repeat("---|", len(columns)), rows.String())
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

func machine() string {
	version := func(command ...string) string {
		output, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			return command[0] + " unknown"
		}
		return strings.TrimSpace(string(output))
	}
	model := "unknown processor"
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(data), "model name\t: "); ok {
			model, _, _ = strings.Cut(after, "\n")
		}
	}
	return fmt.Sprintf("%d cores of %s, Linux %s, %s, Node %s", runtime.NumCPU(), model, version("uname", "-r"), runtime.Version(), version("node", "--version"))
}

// write puts the report between the markers of a file, and plots beside it.
func (r *report) write(file string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the report: %w", err)
	}
	before, rest, ok := bytes.Cut(old, []byte(beginMark))
	_, after, ends := bytes.Cut(rest, []byte(endMark))
	if !ok || !ends {
		return errors.New("the report's file lacks the markers between which it is written")
	}
	peerVersions, err := versions(r.options.root)
	if err != nil {
		return err
	}
	text := "Peers: " + peerVersions + ".\n\n" + r.markdown() + "\n"
	images := filepath.Join(filepath.Dir(file), "images")
	for _, s := range suites {
		svg, ok := r.plot(s)
		if !ok {
			continue
		}
		name := "bench-" + s.name + ".svg"
		if err := os.WriteFile(filepath.Join(images, name), svg, 0o644); err != nil {
			return fmt.Errorf("write a plot: %w", err)
		}
		text += fmt.Sprintf("![%s](images/%s)\n", s.name, name)
	}
	data := slices.Concat(before, []byte(beginMark), []byte(text), []byte(endMark), after)
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
