// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/svg"
)

// Sizes of the plot, in pixels.
const (
	plotTop    = 56
	plotHeight = 240
	plotLeft   = 56
	plotRight  = 40
)

// Both scales are logarithmic: connections from 10,000 on, and decades of what they take.
const (
	plotFrom    = 10_000
	plotDecades = 4
	plotLeast   = 0.1
)

// plot draws what worlds of growing size take. Rooms grow in number as connections do. What was
// measured ends at the left edge.
func (r *report) plot() ([]byte, error) {
	steps := 4
	last := round(float64(max(r.world.connections, 10*plotFrom)))
	lines := []struct {
		name, colour string
		of           func(*total) float64
		points       []string
	}{
		{name: "cores of gateways", colour: svg.Ours, of: func(t *total) float64 { return t.cores }},
		{name: "their memory, GiB", colour: svg.Rest, of: func(t *total) float64 { return t.memory }},
		{name: "from NATS, MB/s", colour: svg.Third, of: func(t *total) float64 { return t.sentBytes / 1e6 }},
	}
	p := svg.New(plotTop+plotHeight+40, fmt.Sprintf("What connections take, %s on a gateway", number(float64(r.world.perGateway))))
	for decade := range plotDecades + 1 {
		value := plotLeast * math.Pow(10, float64(decade))
		y := height(value)
		p.Add(`<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="%s" stroke-opacity="0.3"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`,
			plotLeft, y, svg.Width-plotRight, y, svg.Text, plotLeft-6, y+4, value)
	}
	for step := range steps + 1 {
		connections := round(plotFrom * math.Pow(last/plotFrom, float64(step)/float64(steps)))
		x := plotLeft + math.Log(connections/plotFrom)/math.Log(last/plotFrom)*(svg.Width-plotLeft-plotRight)
		p.Add(`<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, x, plotTop+plotHeight+18, number(connections))
		w := r.world
		w.connections = int(connections)
		w.rooms = max(w.roomsPerClient, int(float64(r.world.rooms)*connections/float64(r.world.connections)))
		t, err := r.model.total(w)
		if err != nil {
			return nil, err
		}
		for i := range lines {
			lines[i].points = append(lines[i].points, fmt.Sprintf("%.1f,%.1f", x, height(lines[i].of(t))))
		}
	}
	for i, line := range lines {
		p.Add(`<rect x="%d" y="28" width="10" height="10" fill="%s"/><text x="%d" y="37">%s</text>`, i*180, line.colour, i*180+15, line.name)
		p.Add(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, strings.Join(line.points, " "), line.colour)
	}
	return p.Bytes(), nil
}

// round leaves one digit that is not 0.
func round(x float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(x)))
	return math.Round(x/unit) * unit
}

// height is where a value stands, at the floor if it is too small.
func height(value float64) float64 {
	share := math.Log10(max(value, plotLeast)/plotLeast) / plotDecades
	return plotTop + plotHeight*(1-min(share, 1))
}
