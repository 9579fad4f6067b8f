// SPDX-License-Identifier: Apache-2.0

package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/measured"
)

func TestSuitesAreComplete(t *testing.T) {
	names := map[string]bool{}
	for _, s := range suites {
		if names[s.name] {
			t.Errorf("%s is there twice", s.name)
		}
		names[s.name] = true
		if len(s.figures) == 0 || len(s.figures) != len(s.goals) {
			t.Errorf("%s has %d figures and %d goals", s.name, len(s.figures), len(s.goals))
		}
		if !slices.ContainsFunc(peers, s.takes) {
			t.Errorf("no peer goes through %s", s.name)
		}
		for _, name := range s.peers {
			if !slices.ContainsFunc(peers, func(p peer) bool { return p.name == name }) {
				t.Errorf("%s is for the unknown peer %s", s.name, name)
			}
		}
	}
	for _, name := range profiledSuites {
		if !names[name] {
			t.Errorf("profiles are of the unknown suite %s", name)
		}
	}
}

func TestChooseTakesNamesAndGroups(t *testing.T) {
	all, groups := []string{"a", "b", "c"}, map[string][]string{"vowels": {"a"}, "all": {"a", "b", "c"}}
	for list, want := range map[string][]string{"all": all, "vowels,c": {"a", "c"}, "b": {"b"}} {
		got, err := choose(list, all, groups)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", list, err, diff)
		}
	}
	if _, err := choose("a,d", all, groups); err == nil {
		t.Error("d is taken, which is not there")
	}
}

func TestPortIsFoundInWhatAServerSays(t *testing.T) {
	for _, test := range []struct {
		says  string
		ready string
		port  *regexp.Regexp
	}{
		{"listening on 4711", "listening on", listeningOn},
		{"10:00:00  bench from service.yaml\n10:00:00    gateway 1  http://localhost:4711/", devReady, devPort},
		{`{"level":"INFO","msg":"gateway is listening","clients":"127.0.0.1:4711","ops":"127.0.0.1:9"}`, gatewayReady, gatewayPort},
		{"Starting http monitor on 127.0.0.1:9\nListening for client connections on 127.0.0.1:4711\nServer is ready", natsReady, natsPort},
		{"Starting http monitor on 127.0.0.1:4711\nServer is ready", natsReady, monitorPort},
	} {
		p, err := start(t.Context(), t.TempDir(), test.ready, []string{"printf", "%s\n", test.says})
		if err != nil {
			t.Fatal(err)
		}
		p.stop()
		if port, err := p.find(test.port); port != "4711" || err != nil {
			t.Errorf("in %q the port is %q: %v", test.says, port, err)
		}
	}
}

func TestVersionsAreOfAllPeers(t *testing.T) {
	all, err := versions("../../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"socket.io 4.", "@socket.io/bun-engine ", "bun 1.", "centrifuge 0.", "nats-server 2.", "@socket.io/redis-adapter "} {
		if !strings.Contains(all, name) {
			t.Errorf("%q is not in %s", name, all)
		}
	}
}

func TestAServerThatEndsTellsWhy(t *testing.T) {
	_, err := start(t.Context(), t.TempDir(), "listening on", []string{"echo", "Address already in use"})
	if err == nil || !strings.Contains(err.Error(), "Address already in use") {
		t.Errorf("the error is %v", err)
	}
}

func TestOursIsComparedWithThePreviousProgram(t *testing.T) {
	run := func(name, peer string, cpu, rate float64) measured.Run {
		return measured.Run{Name: name, Peer: peer, Result: measured.Result{CPU: cpu, PerSecond: rate}}
	}
	r := newReport([]measured.Run{
		run("echo", previousOne, 100, 0), run("echo", oursOne, 104, 0), run("rooms", previousOne, 100, 0), run("rooms", oursOne, 107, 0),
		run("accept", previousOne, 0, 100), run("accept", oursOne, 0, 90), run("two-rooms", oursTwo, 9, 0),
	}, options{})
	var b strings.Builder
	r.compare(&b)
	for _, row := range []string{"| echo: CPU, µs | 100 | 104 | +4% |", "| accept: accepted, /s | 100 | 90 | +11% |"} {
		if !strings.Contains(b.String(), row) {
			t.Errorf("%s is not in\n%s", row, &b)
		}
	}
	if err := r.slower(5); err == nil || err.Error() != "rooms: CPU is worse by 7%\naccept: accepted is worse by 11%" {
		t.Errorf("the error is %v", err)
	}
	if err := r.slower(12); err != nil {
		t.Error(err)
	}
}

func TestReportHasMediansAndRatios(t *testing.T) {
	run := func(name, peer string, cpu float64) measured.Run {
		return measured.Run{Name: name, Peer: peer, Result: measured.Result{CPU: cpu}}
	}
	r := newReport([]measured.Run{
		run("echo", node, 10), run("echo", node, 30), run("echo", node, 20), run("echo", "ours", 5), run("echo", "ours", 4), run("echo", "ours", 90),
	}, options{runs: 3, suites: []string{"echo"}, peers: []string{node, "ours"}})
	if text := r.markdown(); !strings.Contains(text, "| echo: CPU, µs | 20 | 5 (0.25×) | ≤ 0.34× |") {
		t.Errorf("the report is\n%s", text)
	}
}
