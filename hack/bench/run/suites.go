// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
)

// figure is what a suite is about.
type figure struct {
	name, unit string
	of         func(result) float64
}

var (
	cpu      = figure{"CPU", "µs", func(r result) float64 { return r.CPU }}
	p99      = figure{"p99", "ms", func(r result) float64 { return r.P99 }}
	idleSize = figure{"memory per connection", "KiB", func(r result) float64 { return r.PerClient }}
	rate     = figure{"accepted", "/s", func(r result) float64 { return r.PerSecond }}
	resident = figure{"memory", "MiB", func(r result) float64 { return r.Resident }}
)

// suite is one load.
type suite struct {
	name    string
	servers int    // on how many
	load    string // flags of hack/bench/load
	once    bool   // one run is enough
	figures []figure
	goals   []string // ratio to Node, of each figure; empty: none
}

func (s suite) title() string { return s.name }

func (s suite) args() []string { return strings.Fields(s.load) }

var suites = []suite{
	closed("broadcast-200", 1, "-suite broadcast -clients 200 -w 8", ""),
	closed("broadcast-1000", 1, "-suite broadcast -clients 1000 -w 8", "≤ 0.15×"),
	closed("broadcast-5000", 1, "-suite broadcast -clients 5000 -w 8", "≤ 0.15×"),
	closed("single-200", 1, "-suite broadcast -clients 200 -w 1", ""),
	closed("single-1000", 1, "-suite broadcast -clients 1000 -w 1", "≤ 0.45×"),
	closed("single-5000", 1, "-suite broadcast -clients 5000 -w 1", ""),
	{name: "fixed", servers: 1, load: "-suite fixed -clients 1000", figures: []figure{cpu, p99}, goals: []string{"≤ 0.58×", "≤ 0.8×"}},
	closed("rooms", 1, "-suite rooms -clients 1000 -rooms 100 -w 4", "≤ 0.42×"),
	closed("echo", 1, "-suite echo -clients 200", "≤ 0.34×"),
	{name: "accept", servers: 1, load: "-suite accept -clients 5000", figures: []figure{rate}, goals: []string{"≥ 3×"}},
	{name: "idle", servers: 1, load: "-suite idle -clients 10000", once: true, figures: []figure{idleSize}, goals: []string{"≤ 8 KB"}},
	{name: "readers", servers: 1, load: "-suite fixed -clients 1000 -size 4000", figures: []figure{p99, resident}, goals: []string{"", ""}},
	{name: "slow-consumer", servers: 1, load: "-suite fixed -clients 1000 -size 4000 -stall", figures: []figure{p99, resident}, goals: []string{"", ""}},
	closed("two-broadcast", 2, "-suite broadcast -clients 1000 -w 8", "≤ 0.18×"),
	closed("two-rooms", 2, "-suite rooms -clients 1000 -rooms 100 -w 4", "≤ 0.27×"),
}

func closed(name string, servers int, load, goal string) suite {
	return suite{name: name, servers: servers, load: load, figures: []figure{cpu}, goals: []string{goal}}
}

// result is what hack/bench/load prints.
type result struct {
	Suite      string  `json:"suite"`
	Clients    int     `json:"clients"`
	Seconds    float64 `json:"seconds"`
	Count      int     `json:"count"`
	CPU        float64 `json:"cpu"`
	BrokerCPU  float64 `json:"brokerCPU"`
	LoaderCPU  float64 `json:"loaderCPU"`
	P50        float64 `json:"p50"`
	P99        float64 `json:"p99"`
	Resident   float64 `json:"resident"`
	PerClient  float64 `json:"perClient"`
	PerSecond  float64 `json:"perSecond"`
	Lost       int     `json:"lost"`
	Repeated   int     `json:"repeated"`
	Reordered  int     `json:"reordered"`
	Deliveries int     `json:"deliveries"`
}

// measurement is a result and what it is of.
type measurement struct {
	Name string `json:"name"` // of the suite
	Peer string `json:"peer"`
	result
}

func (m measurement) String() string {
	if m.Suite == "idle" {
		return fmt.Sprintf("%8.2f KiB for each of %d connections", m.PerClient, m.Count)
	}
	return fmt.Sprintf("%8.2f µs  p50 %7.2f ms  p99 %7.2f ms  %7.0f/s  %6.1f MiB  lost %d, repeated %d, reordered %d",
		m.CPU, m.P50, m.P99, m.PerSecond, m.Resident, m.Lost, m.Repeated, m.Reordered)
}
