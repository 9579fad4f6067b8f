// SPDX-License-Identifier: Apache-2.0

// Package svg begins and ends the plots of benchmarks, in colours that do on light and dark ground.
package svg

import (
	"fmt"
	"strings"
)

// Colours of what is ours, or good, of the rest, and of text.
const (
	Ours  = "#2f81d6"
	Rest  = "#8a94a3"
	Text  = "#7d8590"
	Third = "#d68a2f" // beside the first two
)

// Width is that of all plots, in pixels, and Baseline where the title stands.
const (
	Width    = 640
	Baseline = 16
)

// Plot is one that is being drawn. Its zero value is not usable; see New.
type Plot struct{ text strings.Builder }

// New begins a plot of a height in pixels.
func New(height int, title string) *Plot {
	p := &Plot{}
	p.Add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="%s">`, Width, height, Text)
	p.Add(`<text x="0" y="%d" font-weight="bold">%s</text>`, Baseline, title)
	return p
}

// Add draws, by fmt's rules, on a line of its own.
func (p *Plot) Add(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

// Bytes ends it. Nothing may be drawn afterwards.
func (p *Plot) Bytes() []byte {
	p.text.WriteString("</svg>\n")
	return []byte(p.text.String())
}
