// SPDX-License-Identifier: Apache-2.0

// Command run measures this gateway and its peers with hack/bench/load, each measurement against
// fresh processes, the peers in turn, and writes medians, ratios and plots. `make bench` builds
// what it starts.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/machine"
	"github.com/realtime-operator/realtime-operator/hack/bench/internal/measured"
)

type options struct {
	root, raw, docs string
	profile         string
	on              string // the date and the machine
	runs            int
	duration        time.Duration
	slower          float64
	suites, peers   []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var o options
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.StringVar(&o.root, "root", ".", "folder of the repository")
	f.StringVar(&o.raw, "raw", "dist/bench.jsonl", "file for each measurement, a line of JSON each")
	f.StringVar(&o.docs, "docs", "", "Markdown file whose part between the markers is written, with plots in images beside it (default: only print)")
	f.IntVar(&o.runs, "runs", 3, "measurements of which the median counts")
	f.DurationVar(&o.duration, "duration", 3*time.Second, "time of each measurement")
	f.StringVar(&o.profile, "profile", "", "folder for CPU and heap profiles of ours, of the suites "+strings.Join(profiledSuites, ", ")+", of which tables are written too (default: none)")
	previous := f.String("previous", "", "program realtime of before, which is measured in turn with ours as the peers "+previousOne+" and "+previousTwo+" (default: none)")
	f.Float64Var(&o.slower, "slower", 0, "fail if ours takes more CPU than -previous, by more than so many percent (0: never)")
	chosenSuites := f.String("suite", judged+","+forInfo, "suites or groups of them, with commas; the groups are "+judged+", "+forInfo+", "+scaling+" and all: "+
		strings.Join(namesOf(suites), ", "))
	chosenPeers := f.String("peer", "all", "peers, with commas: "+strings.Join(namesOf(peers), ", "))
	if err := f.Parse(args); err != nil {
		return err
	}
	if *previous != "" {
		peers = append(peers, previousPeers(*previous)...)
	}
	var err error
	if o.suites, err = choose(*chosenSuites, namesOf(suites), groups()); err != nil {
		return err
	}
	if o.peers, err = choose(*chosenPeers, namesOf(peers), map[string][]string{"all": namesOf(peers)}); err != nil {
		return err
	}
	if err := renderConfig(ctx, o.root); err != nil {
		return err
	}
	o.on = time.Now().UTC().Format(time.DateOnly) + ", " + machine.Describe()
	all, err := measureAll(ctx, o)
	if err != nil {
		return err
	}
	report := newReport(all, o)
	if report.profiles, err = takeProfiles(ctx, o); err != nil {
		return err
	}
	fmt.Println(report.markdown())
	fmt.Print(report.profiles)
	if o.docs != "" {
		if err := report.write(o.docs); err != nil {
			return err
		}
	}
	if o.slower > 0 {
		return report.slower(o.slower)
	}
	return nil
}

// named is a suite or a peer.
type named interface{ title() string }

func namesOf[T named](all []T) []string {
	var names []string
	for _, one := range all {
		names = append(names, one.title())
	}
	return names
}

// choose returns the names in a list, in which a group stands for its members.
func choose(list string, all []string, groups map[string][]string) (chosen []string, err error) {
	for _, name := range strings.Split(list, ",") {
		switch members, ok := groups[name]; {
		case ok:
			chosen = append(chosen, members...)
		case slices.Contains(all, name):
			chosen = append(chosen, name)
		default:
			return nil, fmt.Errorf("there is no %q: %s", name, strings.Join(all, ", "))
		}
	}
	return chosen, nil
}

// groups are the names of suites by group.
func groups() map[string][]string {
	all := map[string][]string{"all": namesOf(suites)}
	for _, s := range suites {
		all[s.group] = append(all[s.group], s.name)
	}
	return all
}

// measureAll has all peers go through a suite before any goes through it again, so that what else
// the machine does hits all alike.
func measureAll(ctx context.Context, o options) (all []measured.Run, err error) {
	raw, err := os.Create(o.raw)
	if err != nil {
		return nil, fmt.Errorf("write results: %w", err)
	}
	defer raw.Close()
	for _, s := range suites {
		if !slices.Contains(o.suites, s.name) {
			continue
		}
		for n := range o.runs {
			if s.once && n > 0 {
				break
			}
			for _, p := range peers {
				if !slices.Contains(o.peers, p.name) || !s.takes(p) {
					continue
				}
				m, err := measure(ctx, o, s, p)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", s.name, p.name, err)
				}
				all = append(all, m)
				if err := json.NewEncoder(raw).Encode(m); err != nil {
					return nil, fmt.Errorf("write results: %w", err)
				}
				fmt.Fprintf(os.Stderr, "%-18s run %d  %-22s %s\n", s.name, n+1, p.name, m)
			}
		}
	}
	return all, nil
}
