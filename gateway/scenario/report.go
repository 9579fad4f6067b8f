// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// FileResult is what has come of a file.
type FileResult struct {
	File    string       `json:"file"`
	Passed  bool         `json:"passed"`
	Seconds float64      `json:"seconds"`
	Tests   []TestResult `json:"tests"`
}

// TestResult is what has come of a test or a matrix.
type TestResult struct {
	Name     string       `json:"name"`
	Line     int          `json:"line"`
	Passed   bool         `json:"passed"`
	Seconds  float64      `json:"seconds"`
	Failures []FailedStep `json:"failures,omitempty"`
	// Log is what the gateways have logged, if the test has failed.
	Log []string `json:"log,omitempty"`
}

// FailedStep is a step, or a cell of a matrix, that has failed.
type FailedStep struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Step    string `json:"step,omitempty"`
	Message string `json:"message"`
	// Expected and Actual are empty if there is nothing to compare.
	Expected string `json:"expected,omitempty"`
	Actual   string `json:"actual,omitempty"`
}

func newFailedStep(at Pos, step string, err error) FailedStep {
	f := FailedStep{Line: at.Line, Column: at.Column, Step: step, Message: err.Error()}
	if m := (*mismatch)(nil); errors.As(err, &m) {
		f.Expected, f.Actual = m.expected, m.actual
	}
	return f
}

// report collects results, and prints them as they come.
type report struct {
	options  Options
	files    []*FileResult
	coverage []*measured
	failed   bool
	began    time.Time // of the current file
}

// measured is the coverage of one manifest, by all files that name it.
type measured struct {
	file string
	of   *coverage
}

func newReport(o Options) *report { return &report{options: o} }

func (r *report) say(format string, args ...any) {
	if !r.options.JSON {
		// If the output is gone, nobody can be told.
		_, _ = fmt.Fprintf(r.options.Out, format+"\n", args...)
	}
}

func (r *report) begin(f *File) {
	r.began = time.Now()
	r.files = append(r.files, &FileResult{File: f.name, Passed: true, Tests: []TestResult{}})
}

// coverageOf returns the coverage of a manifest. Each file has loaded it for itself.
func (r *report) coverageOf(s service) *coverage {
	for _, m := range r.coverage {
		if m.file == s.file {
			m.of.spec = s.spec
			return m.of
		}
	}
	m := &measured{s.file, newCoverage(s.spec)}
	r.coverage = append(r.coverage, m)
	return m.of
}

func (r *report) test(t TestResult) {
	file := r.files[len(r.files)-1]
	t.Passed = len(t.Failures) == 0
	file.Passed = file.Passed && t.Passed
	file.Tests = append(file.Tests, t)
	if t.Passed {
		if r.options.Verbose {
			r.say("--- PASS: %s (%.2fs)", t.Name, t.Seconds)
		}
		return
	}
	r.say("--- FAIL: %s (%.2fs)", t.Name, t.Seconds)
	for _, f := range t.Failures {
		r.say("    %s:%d:%d: %s", file.File, f.Line, f.Column, f.text())
		for _, line := range sideBySide(f.Expected, f.Actual) {
			r.say("        %s", line)
		}
	}
	if len(t.Log) > 0 {
		r.say("    the gateways have logged:")
	}
	for _, line := range t.Log {
		r.say("        %s", line)
	}
}

func (f FailedStep) text() string {
	if f.Step == "" || strings.HasPrefix(f.Message, f.Step) {
		return f.Message
	}
	return f.Step + ": " + f.Message
}

func (r *report) endFile() {
	file := r.files[len(r.files)-1]
	file.Seconds = time.Since(r.began).Seconds()
	switch {
	case !file.Passed:
		r.failed = true
		r.say("FAIL\t%s\t%.3fs", file.File, file.Seconds)
	case len(file.Tests) == 0:
		r.say("ok  \t%s\t%.3fs [no tests to run]", file.File, file.Seconds)
	default:
		r.say("ok  \t%s\t%.3fs", file.File, file.Seconds)
	}
}

// end reports what is about all files.
func (r *report) end() error {
	var sums []Coverage
	if r.options.Coverage || r.options.Least > 0 {
		sums = r.measure()
	}
	if r.options.JUnit != "" {
		if err := writeJUnit(r.options.JUnit, r.files); err != nil {
			return err
		}
	}
	if r.options.JSON {
		encoder := json.NewEncoder(r.options.Out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		document := struct {
			Passed   bool          `json:"passed"`
			Files    []*FileResult `json:"files"`
			Coverage []Coverage    `json:"coverage,omitempty"`
		}{!r.failed, r.files, sums}
		if err := encoder.Encode(document); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if r.failed {
		r.say("FAIL")
		return FailedError{}
	}
	return nil
}

func (r *report) measure() []Coverage {
	var sums []Coverage
	for _, m := range r.coverage {
		sum := m.of.sum(m.file)
		sums = append(sums, sum)
		r.say("coverage: %.1f%% of %s (%d of %d)", sum.Percent, sum.Manifest, sum.Covered, sum.Total)
		for _, missing := range sum.Missing {
			line := fmt.Sprintf("    %-12s %s", missing.What+":", missing.Path)
			if missing.About != "" {
				line += " (" + missing.About + ")"
			}
			if missing.Source != "" {
				line += ": " + strings.Join(strings.Fields(missing.Source), " ")
			}
			r.say("%s", line)
		}
		if sum.Percent < r.options.Least {
			r.failed = true
			r.say("FAIL: %s is covered by %.1f%%, and at least %g%% are wanted", sum.Manifest, sum.Percent, r.options.Least)
		}
	}
	return sums
}

// writeFile writes a report as a whole.
func writeFile(name string, data []byte) error {
	if err := os.WriteFile(name, data, 0o644); err != nil { //nolint:gosec // a report is for others, too
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
