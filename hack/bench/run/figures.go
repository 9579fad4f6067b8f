// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/realtime-operator/realtime-operator/hack/bench/internal/measured"

// figure is what a suite is about.
type figure struct {
	name, unit string
	of         func(measured.Run) float64
	own        bool // it is not compared with Node's
	more       bool // is better
	judged     bool // compared with the previous program
}

var (
	cpu      = figure{name: "CPU", unit: "µs", judged: true, of: func(r measured.Run) float64 { return r.CPU }}
	proxyCPU = figure{name: "CPU of the TLS proxy", unit: "µs", of: func(r measured.Run) float64 { return r.BrokerCPU }}
	p99      = figure{name: "p99", unit: "ms", of: func(r measured.Run) float64 { return r.P99 }}
	idleSize = figure{name: "memory per connection", unit: "KiB", of: func(r measured.Run) float64 { return r.PerClient }}
	rate     = figure{name: "accepted", unit: "/s", more: true, judged: true, of: func(r measured.Run) float64 { return r.PerSecond }}
	resident = figure{name: "memory at the end", unit: "MiB", of: func(r measured.Run) float64 { return r.Resident }}
)

// Figures of a load in which a client stops reading.
var (
	p99Before      = figure{name: "p99 while all read", unit: "ms", of: func(r measured.Run) float64 { return before(r).P99 }}
	residentBefore = figure{name: "memory while all read", unit: "MiB", of: func(r measured.Run) float64 { return before(r).Resident }}
	p99Ratio       = figure{name: "p99, by that while all read", unit: "1", own: true, of: func(r measured.Run) float64 {
		if before(r).P99 == 0 {
			return 0
		}
		return r.P99 / before(r).P99
	}}
)

func before(r measured.Run) measured.Before {
	if r.Before == nil {
		return measured.Before{}
	}
	return *r.Before
}
