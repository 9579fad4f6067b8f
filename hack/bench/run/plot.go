// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/svg"
)

// Sizes of a plot, in pixels.
const (
	plotLabel = 230
	plotBar   = 22
	plotHead  = 28
)

// plot draws a suite's first figure, a bar for each peer.
func (r *report) plot(s suite) ([]byte, bool) {
	f, most := s.figures[0], 0.0
	type bar struct {
		label, colour string
		value         float64
	}
	var bars []bar
	for _, p := range peers {
		value, ok := r.median(s, p.name, f)
		if !ok {
			continue
		}
		colour := svg.Rest
		if strings.HasPrefix(p.name, "ours") {
			colour = svg.Ours
		}
		bars = append(bars, bar{p.about, colour, value})
		most = max(most, value)
	}
	if most == 0 {
		return nil, false
	}
	plot := svg.New(plotHead+len(bars)*plotBar+6, s.name+": "+f.name+", "+f.unit)
	for i, one := range bars {
		y := plotHead + i*plotBar
		width := one.value / most * (svg.Width - plotLabel - 60)
		plot.Add(`<text x="0" y="%d">%s</text><rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%.4g</text>`,
			y+14, one.label, plotLabel, y, width, plotBar-6, one.colour, plotLabel+width+6, y+14, one.value)
	}
	return plot.Bytes(), true
}
