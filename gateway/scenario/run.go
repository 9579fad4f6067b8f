// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/scenario/lab"
)

// fileSuffix ends the names of files with tests.
const fileSuffix = "_test.yaml"

// Options are the options of `realtime test`.
type Options struct {
	// Files are files with tests, or folders, of which all files that end in _test.yaml are run.
	Files []string
	// Run selects tests by their names; nil: all.
	Run *regexp.Regexp
	// Verbose also reports tests that pass.
	Verbose bool
	// Coverage reports what of the services was run. Least is how much of each must be, in percent;
	// 0: any.
	Coverage bool
	Least    float64
	// JUnit is a file for a report in JUnit's XML; empty: none. JSON writes a document to Out in
	// place of text.
	JUnit string
	JSON  bool
	// Timeout bounds a test by the time of the world outside; DefaultTimeout if zero.
	Timeout time.Duration
	// Out receives the report.
	Out io.Writer
}

// DefaultTimeout is the default of Options.Timeout.
const DefaultTimeout = time.Minute

// FailedError means that tests have failed, or too little was covered. The report says which.
type FailedError struct{}

func (FailedError) Error() string { return "FAIL" }

// ExitCode is that of the program.
func (FailedError) ExitCode() int { return 1 }

// Run runs tests, and reports. The error is an *InvalidError if a file cannot be run, before any
// is; or a FailedError.
func Run(ctx context.Context, o Options) error {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	files, err := load(ctx, o.Files)
	if err != nil {
		return err
	}
	report := newReport(o)
	for _, f := range files {
		if err := runFile(ctx, f, o, report); err != nil {
			return err
		}
	}
	return report.end()
}

// load loads all files, so that a mistake in the last is told before the first is run.
func load(ctx context.Context, names []string) ([]*File, error) {
	names, err := expand(names)
	if err != nil {
		return nil, err
	}
	var files []*File
	all := &InvalidError{}
	for _, name := range names {
		f, err := Load(ctx, name)
		if mistakes := (*InvalidError)(nil); errors.As(err, &mistakes) {
			all.Mistakes = append(all.Mistakes, mistakes.Mistakes...)
		}
		files = append(files, f)
	}
	if len(all.Mistakes) > 0 {
		return nil, all
	}
	return files, nil
}

// expand replaces folders by the files with tests in them.
func expand(names []string) ([]string, error) {
	var all []string
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, &InvalidError{[]string{err.Error()}}
		}
		if !info.IsDir() {
			all = append(all, name)
			continue
		}
		found, err := filepath.Glob(filepath.Join(name, "*"+fileSuffix))
		if err != nil || len(found) == 0 {
			return nil, &InvalidError{[]string{fmt.Sprintf("%s has no file that ends in %s", name, fileSuffix)}}
		}
		all = append(all, found...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) == 0 {
		return nil, &InvalidError{[]string{"no file with tests is named"}}
	}
	return all, nil
}

//nolint:contextcheck // see test
func runFile(ctx context.Context, f *File, o Options, report *report) error {
	report.begin(f)
	covered := report.coverageOf(f.service)
	r := &runner{file: f, options: o, covered: covered, loader: &loader{f, map[string]service{}}}
	if err := r.preload(ctx); err != nil {
		return err
	}
	play := func(name string, at Pos, gateways int, do func(*world) []FailedStep) {
		if o.Run != nil && !o.Run.MatchString(name) || ctx.Err() != nil {
			return
		}
		report.test(r.test(name, at, gateways, do))
	}
	for _, m := range f.Matrix {
		play(m.Name, m.Pos, f.gatewaysOf(nil), m.run)
	}
	for _, t := range f.Tests {
		play(t.Name, t.Pos, f.gatewaysOf(t), t.run)
	}
	report.endFile()
	return ctx.Err()
}

// run runs the steps up to the first that fails.
func (t *Test) run(w *world) []FailedStep {
	for _, s := range t.Steps {
		name, a := s.action()
		if err := a.run(w); err != nil {
			return []FailedStep{newFailedStep(s.Pos, name, err)}
		}
	}
	return nil
}

// runner runs the tests of a file.
type runner struct {
	file    *File
	options Options
	covered *coverage
	loader  *loader
}

// preload loads the manifests of all `apply` outside of the tests: reading files takes time, and a
// mistake in one is no failure of a test.
func (r *runner) preload(ctx context.Context) error {
	for _, t := range r.file.Tests {
		for _, s := range t.Steps {
			if s.Apply == nil {
				continue
			}
			if _, err := r.loader.load(ctx, s.Apply.manifest); err != nil {
				return err
			}
		}
	}
	return nil
}

// test runs one test in a bubble of its own, with a service of its own.
//
//nolint:contextcheck // a context from outside would be a channel from outside of the bubble
func (r *runner) test(name string, at Pos, gateways int, do func(*world) []FailedStep) TestResult {
	result := TestResult{Name: name, Line: at.Line}
	began := time.Now()
	defer r.watch(name)()
	start, _ := time.Parse(time.RFC3339, r.file.clock()) // was checked
	dir, err := os.MkdirTemp("", "realtime-test-")
	if err != nil {
		result.Failures = append(result.Failures, newFailedStep(at, "", err))
		return result
	}
	defer func() { _ = os.RemoveAll(dir) }() // otherwise the system cleans up
	log := &logBuffer{}
	lab.Bubble(start, func() { result.Failures = r.play(at, gateways, dir, log, do) })
	result.Seconds = time.Since(began).Seconds()
	if len(result.Failures) > 0 {
		result.Log = log.lines()
	}
	return result
}

// watch ends the program if a test hangs: nothing in a bubble can be stopped from outside.
func (r *runner) watch(name string) (stop func()) {
	timer := time.AfterFunc(r.options.Timeout, func() {
		panic(fmt.Sprintf("%s: the test %q takes longer than %s", r.file.name, name, r.options.Timeout))
	})
	return func() { timer.Stop() }
}

func (r *runner) play(at Pos, gateways int, dir string, log io.Writer, do func(*world) []FailedStep) []FailedStep {
	issuer := lab.NewIssuer(r.file.Secrets)
	running, err := lab.Start(lab.Options{
		Service: r.file.service.spec, Gateways: gateways, Issuer: issuer, StoreDir: dir,
		Compiled: r.covered.compiled,
		Log:      newLog(log),
	})
	if err != nil {
		return []FailedStep{newFailedStep(at, "", fmt.Errorf("the service does not start: %w", err))}
	}
	defer running.Close()
	return do(&world{
		file: r.file, spec: r.file.service.spec, lab: running, issuer: issuer, clients: map[string]*lab.Client{},
		load: func(relative string) (*v1alpha1.RealtimeService, error) { return r.loader.loaded[relative].spec, nil },
	})
}

// newLog logs what a person should know, without the time, which is that of the test.
func newLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: withoutTime}))
}

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// logBuffer keeps what gateways log. Safe for concurrent use.
type logBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *logBuffer) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.FieldsFunc(b.all.String(), func(r rune) bool { return r == '\n' })
}
