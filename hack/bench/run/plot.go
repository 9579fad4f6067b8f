// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
)

// Sizes of a plot, in pixels.
const (
	plotWidth = 640
	plotLabel = 230
	plotBar   = 22
	plotHead  = 28
)

// plot draws a suite's first figure, a bar for each peer, in colours that do on light and dark ground.
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
		colour := "#8a94a3"
		if strings.HasPrefix(p.name, "ours") {
			colour = "#2f81d6"
		}
		bars = append(bars, bar{p.about, colour, value})
		most = max(most, value)
	}
	if most == 0 {
		return nil, false
	}
	var b strings.Builder
	height := plotHead + len(bars)*plotBar + 6
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#7d8590">`+"\n", plotWidth, height)
	fmt.Fprintf(&b, `<text x="0" y="16" font-weight="bold">%s: %s, %s</text>`+"\n", s.name, f.name, f.unit)
	for i, one := range bars {
		y := plotHead + i*plotBar
		width := one.value / most * (plotWidth - plotLabel - 60)
		fmt.Fprintf(&b, `<text x="0" y="%d">%s</text><rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%.4g</text>`+"\n",
			y+14, one.label, plotLabel, y, width, plotBar-6, one.colour, plotLabel+width+6, y+14, one.value)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String()), true
}
