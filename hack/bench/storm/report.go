// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/svg"
)

// second is what happened in one since the gateway was killed.
type second struct{ accepted, refused int }

// report is what a run has shown.
type report struct {
	settings settings
	start    time.Time
	seconds  []second
	last     time.Duration // until the last client was back
}

func (r *report) add(o outcome) {
	since := o.at.Sub(r.start)
	for len(r.seconds) <= int(since/time.Second) {
		r.seconds = append(r.seconds, second{})
	}
	s := &r.seconds[int(since/time.Second)]
	if !o.accepted {
		s.refused++
		return
	}
	s.accepted++
	r.last = max(r.last, since)
}

func (r *report) table(w io.Writer) error {
	rows := []string{"| second\t| accepted\t| refused |", "|---\t|---\t|--- |"}
	accepted, refused := 0, 0
	for i, s := range r.seconds {
		accepted, refused = accepted+s.accepted, refused+s.refused
		rows = append(rows, fmt.Sprintf("| %d\t| %d\t| %d |", i+1, s.accepted, s.refused))
	}
	rows = append(rows, fmt.Sprintf("| all, in %.1f s\t| %d\t| %d |", r.last.Seconds(), accepted, refused))
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	if _, err := fmt.Fprintln(table, strings.Join(rows, "\n")); err != nil {
		return err
	}
	return table.Flush()
}

// Sizes of the plot, in pixels.
const (
	plotHeight = 180
	plotHead   = 44
	plotFoot   = 22
	plotLeft   = 36
)

// plot draws a pair of bars for each second and a line at the rate.
func (r *report) plot() []byte {
	most := float64(r.settings.perSecond)
	for _, s := range r.seconds {
		most = max(most, float64(s.accepted), float64(s.refused))
	}
	floor := float64(plotHead + plotHeight)
	height := func(n int) float64 { return float64(n) / most * plotHeight }
	slot := float64(svg.Width-plotLeft) / float64(len(r.seconds))
	bar := slot * 0.4
	plot := svg.New(plotHead+plotHeight+plotFoot, fmt.Sprintf("%d clients come back: handshakes in each second, perSecond: %d, burst: %d",
		r.settings.clients, r.settings.perSecond, r.settings.burst))
	for i, one := range []struct{ name, colour string }{{"accepted", svg.Ours}, {"refused, to try again", svg.Rest}} {
		plot.Add(`<rect x="%d" y="25" width="10" height="10" fill="%s"/><text x="%d" y="34">%s</text>`, i*90, one.colour, i*90+15, one.name)
	}
	for i, s := range r.seconds {
		x := plotLeft + float64(i)*slot
		for j, one := range []struct {
			count  int
			colour string
		}{{s.accepted, svg.Ours}, {s.refused, svg.Rest}} {
			plot.Add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`,
				x+float64(j)*bar, floor-height(one.count), bar, height(one.count), one.colour)
		}
		plot.Add(`<text x="%.1f" y="%.1f" text-anchor="middle">%d s</text>`, x+bar, floor+16, i+1)
	}
	line := floor - height(r.settings.perSecond)
	plot.Add(`<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="%s" stroke-dasharray="4 4"/><text x="0" y="%.1f">%d</text>`,
		plotLeft, line, svg.Width, line, svg.Text, line+4, r.settings.perSecond)
	return plot.Bytes()
}
