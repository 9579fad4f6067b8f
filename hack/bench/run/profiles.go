// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// hottest is how many functions of a profile are shown.
const hottest = 10

var profileTables = []struct{ about, suffix, order string }{
	{"CPU, by a function's own time", ".cpu", "-flat"},
	{"CPU, by time with what it calls", ".cpu", "-cum"},
	{"Memory in use at the end, by who asked for it; stacks of goroutines are not in it", ".heap", "-flat"},
}

// module is left off the names of functions.
const module = "github.com/realtime-operator/realtime-operator/"

// takeProfiles measures ours once more, with profiles, and returns tables of them as Markdown. It
// does nothing without a folder.
func takeProfiles(ctx context.Context, o options) (string, error) {
	if o.profile == "" {
		return "", nil
	}
	if err := os.MkdirAll(o.profile, 0o755); err != nil {
		return "", fmt.Errorf("make the folder for profiles: %w", err)
	}
	folder, err := filepath.Abs(o.profile)
	if err != nil {
		return "", fmt.Errorf("find the folder for profiles: %w", err)
	}
	var b strings.Builder
	for _, s := range suites {
		if !slices.Contains(o.suites, s.name) || !slices.Contains(profiledSuites, s.name) {
			continue
		}
		file := filepath.Join(folder, s.name)
		s.longer = 3
		m, err := measure(ctx, o, s, profiled, "-profile-to", file)
		if err != nil {
			return "", fmt.Errorf("profile %s: %w", s.name, err)
		}
		fmt.Fprintf(os.Stderr, "%-18s profile  %s\n", s.name, m)
		fmt.Fprintf(&b, "### %s\n\n", s.name)
		for _, t := range profileTables {
			if s.name == "idle" && t.suffix != ".heap" {
				continue
			}
			rows, err := top(ctx, file+t.suffix, t.order)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%s:\n\n| own | | with calls | | function |\n|---:|---:|---:|---:|---|\n%s\n", t.about, rows)
		}
	}
	return b.String(), nil
}

// top is what `go tool pprof -top` says of the hottest functions, as rows of a table.
func top(ctx context.Context, file, order string) (string, error) {
	command := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", order, fmt.Sprint("-nodecount=", hottest), "-sample_index="+sampleOf(file), file)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("read the profile %s: %w", file, err)
	}
	_, table, ok := strings.Cut(string(output), "cum%\n")
	if !ok {
		return "", fmt.Errorf("read the profile %s: no table in %s", file, output)
	}
	var rows strings.Builder
	for line := range strings.Lines(table) {
		// flat, flat%, sum%, cum, cum%, function
		fields := strings.Fields(line)
		if len(fields) < 6 {
			return "", fmt.Errorf("read the profile %s: %q is no row", file, line)
		}
		fmt.Fprintf(&rows, "| %s | %s | %s | %s | `%s` |\n", fields[0], fields[1], fields[3], fields[4], strings.ReplaceAll(strings.Join(fields[5:], " "), module, ""))
	}
	return rows.String(), nil
}

// sampleOf is what a profile's figures are to be.
func sampleOf(file string) string {
	if strings.HasSuffix(file, ".heap") {
		return "inuse_space"
	}
	return "cpu"
}
