// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
)

// Groups of suites.
const (
	judged  = "goals" // those with goals, and what helps to understand them
	forInfo = "info"  // for information: once each
	scaling = "scale" // what hack/bench/scale fits its model to: ours alone, once each
)

// suite is one load.
type suite struct {
	name    string
	group   string
	servers int    // on how many
	load    string // flags of hack/bench/load
	once    bool   // one run is enough
	longer  int    // so many times the usual duration; 0 is 1
	tls     bool   // behind a proxy that ends TLS
	deflate bool   // with permessage-deflate
	// recovery: what is emitted is kept for clients that are away.
	recovery bool
	// secured: clients show tokens, rooms have rules, and events are counted.
	secured bool
	peers   []string
	figures []figure
	goals   []string // ratio to Node, of each figure, if not said otherwise; empty: none
}

func (s suite) title() string { return s.name }

func (s suite) args() []string {
	args := strings.Fields(s.load)
	if s.tls {
		args = append(args, "-tls")
	}
	if s.deflate {
		args = append(args, "-deflate")
	}
	if s.secured {
		args = append(args, "-tokens", tokensFile)
	}
	return args
}

// manifest is of `realtime dev`.
func (s suite) manifest() string {
	switch {
	case s.deflate:
		return deflateManifest
	case s.secured:
		return securedManifest
	}
	return serviceManifest
}

// config is what gateways read.
func (s suite) config() string {
	if s.recovery {
		return recoveryConfig
	}
	return gatewayConfig
}

// reference is the peer that others are compared with; or, where that is usual, the suite's own.
func (s suite) reference(usual string) string {
	if s.recovery {
		return twoStreams
	}
	return usual
}

// takes reports whether a peer goes through the suite. The previous program goes where ours does.
func (s suite) takes(p peer) bool {
	if s.servers != p.servers {
		return false
	}
	if s.peers != nil {
		switch p.name {
		case previousOne:
			return slices.Contains(s.peers, oursOne)
		case previousTwo:
			return slices.Contains(s.peers, oursTwo)
		}
		return slices.Contains(s.peers, p.name)
	}
	return !p.special
}

const (
	loadBroadcast = "-suite broadcast -clients 1000 -w 8"
	loadEcho      = "-suite echo -clients 200"
)

// profiledSuites are those of which -profile takes profiles.
var profiledSuites = []string{"broadcast-1000", "echo", "idle"}

var suites = slices.Concat([]suite{
	closed("broadcast-200", 1, "-suite broadcast -clients 200 -w 8", ""),
	closed("broadcast-1000", 1, loadBroadcast, "≤ 0.15×"),
	closed("broadcast-5000", 1, "-suite broadcast -clients 5000 -w 8", "≤ 0.15×"),
	closed("single-200", 1, "-suite broadcast -clients 200 -w 1", ""),
	closed("single-1000", 1, "-suite broadcast -clients 1000 -w 1", "≤ 0.45×"),
	closed("single-5000", 1, "-suite broadcast -clients 5000 -w 1", ""),
	{name: "fixed", group: judged, servers: 1, load: "-suite fixed -clients 1000", figures: []figure{cpu, p99}, goals: []string{"≤ 0.58×", "≤ 0.8×"}},
	closed("rooms", 1, "-suite rooms -clients 1000 -rooms 100 -w 4", "≤ 0.42×"),
	closed("echo", 1, loadEcho, "≤ 0.34×"),
	{name: "accept", group: judged, servers: 1, load: "-suite accept -clients 5000", figures: []figure{rate}, goals: []string{"≥ 3×"}},
	{name: "idle", group: judged, servers: 1, load: "-suite idle -clients 10000", once: true, figures: []figure{idleSize}, goals: []string{"≤ 8 KiB"}},
	{
		name: "slow-consumer", group: judged, servers: 1, load: "-suite fixed -clients 1000 -size 4000 -rate 20000 -stall", longer: 3,
		figures: []figure{p99Before, p99, p99Ratio, residentBefore, resident}, goals: []string{"", "", "≤ 1.1, of itself", "", ""},
	},
	closed("two-broadcast", 2, loadBroadcast, "≤ 0.18×"),
	closed("two-rooms", 2, "-suite rooms -clients 1000 -rooms 100 -w 4", "≤ 0.27×"),
	recoverable("recovery-broadcast", "-suite rooms -clients 1000 -rooms 1 -w 8", "≤ 0.12×"),
	recoverable("recovery-rooms", "-suite rooms -clients 1000 -rooms 100 -w 4", "≤ 0.25×"),
	{name: "tls-broadcast", group: forInfo, servers: 1, load: loadBroadcast, once: true, tls: true, figures: []figure{cpu, proxyCPU}, goals: []string{"", ""}},
	{name: "tls-echo", group: forInfo, servers: 1, load: loadEcho, once: true, tls: true, figures: []figure{cpu, proxyCPU}, goals: []string{"", ""}},
	secured(suite{name: "secured-accept", load: "-suite accept -clients 5000", figures: []figure{rate}, goals: []string{"≥ 4×"}}),
	secured(suite{name: "secured-idle", load: "-suite idle -clients 10000", once: true, figures: []figure{idleSize}, goals: []string{"≤ 6 KiB"}}),
	secured(suite{name: "secured-rooms", load: "-suite rooms -clients 200 -rooms 100 -w 2", figures: []figure{cpu}, goals: []string{"≤ 0.4×"}}),
	deflated("deflate-broadcast", loadBroadcast),
	deflated("deflate-echo", loadEcho),
}, scaleSuites())

func closed(name string, servers int, load, goal string) suite {
	return suite{name: name, group: judged, servers: servers, load: load, once: goal == "", figures: []figure{cpu}, goals: []string{goal}}
}

func recoverable(name, load, goal string) suite {
	s := closed(name, 2, load, goal)
	s.recovery, s.peers = true, []string{twoStreams, oursTwo}
	return s
}

// secured is for clients with tokens.
func secured(s suite) suite {
	s.group, s.servers, s.secured, s.peers = judged, 1, true, []string{node, oursOne}
	return s
}

func deflated(name, load string) suite {
	return suite{
		name: name, group: forInfo, servers: 1, load: load, once: true, deflate: true, peers: []string{node, oursOne, "centrifuge"},
		figures: []figure{cpu, resident}, goals: []string{"", ""},
	}
}
