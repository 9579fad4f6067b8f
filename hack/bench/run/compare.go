// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"
)

// comparison is a figure of ours and that of the previous program.
type comparison struct {
	suite       suite
	figure      figure
	before, now float64
}

// ratio is above 1 if ours is worse.
func (c comparison) ratio() float64 {
	if c.figure.more {
		return c.before / c.now
	}
	return c.now / c.before
}

// comparisons are of all figures that were measured of both.
func (r *report) comparisons() (all []comparison) {
	for _, s := range suites {
		ours, previous := oursOne, previousOne
		if s.servers > 1 {
			ours, previous = oursTwo, previousTwo
		}
		for _, f := range s.figures {
			before, ok := r.median(s, previous, f)
			now, measured := r.median(s, ours, f)
			if ok && measured && before > 0 && now > 0 {
				all = append(all, comparison{s, f, before, now})
			}
		}
	}
	return all
}

// compare writes a table of them, if there are any.
func (r *report) compare(b *strings.Builder) {
	all := r.comparisons()
	if len(all) == 0 {
		return
	}
	b.WriteString("| | previous | ours | worse by |\n|---|---|---|---|\n")
	for _, c := range all {
		fmt.Fprintf(b, "| %s: %s, %s | %.4g | %.4g | %+.0f%% |\n",
			c.suite.name, c.figure.name, c.figure.unit, c.before, c.now, 100*(c.ratio()-1))
	}
	b.WriteString("\n")
}

// slower is an error if a CPU or rate figure is worse than the previous program's by more than so
// many percent. Latencies and memory are not judged: they move more than that from run to run.
func (r *report) slower(percent float64) error {
	var errs []error
	for _, c := range r.comparisons() {
		if c.figure.judged && c.ratio() > 1+percent/100 {
			errs = append(errs, fmt.Errorf("%s: %s is worse by %.0f%%", c.suite.name, c.figure.name, 100*(c.ratio()-1)))
		}
	}
	return errors.Join(errs...)
}
