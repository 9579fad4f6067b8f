// SPDX-License-Identifier: Apache-2.0

// Command release makes all that a release consists of, and pushes nothing:
//
//	go run -C hack/release . -source "$PWD" -out /tmp/release -revision COMMIT -created SECONDS
//
// What it writes depends on the source, the flags, the Go toolchain, and the two things that Node
// brings along (the client's bundles and the certificate authorities), and on nothing else: two
// runs write the same bytes (docs/decisions/0075).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"sigs.k8s.io/yaml"
)

// release is what is made, and of what.
type release struct {
	// source is the repository, and out where the release is written.
	source, out string
	// client are the bundles of the stock client, and certificates the authorities that gateways
	// trust. Both are in the image.
	client, certificates string
	// version is that of the chart, which is the operator's too.
	version string
	// revision is the commit, and created when it was made. No other time is written anywhere.
	revision string
	created  time.Time
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var r release
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.StringVar(&r.source, "source", ".", "the repository")
	flags.StringVar(&r.out, "out", "dist/release", "folder for the release; it must not exist, or be an earlier one")
	flags.StringVar(&r.client, "client", "dist/client", "folder with the bundles of the stock client")
	flags.StringVar(&r.certificates, "certificates", "dist/ca-certificates.crt", "the certificate authorities that gateways trust")
	flags.StringVar(&r.revision, "revision", "", "the commit that is released")
	seconds := flags.Int64("created", 0, "when the commit was made, in seconds since 1970")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r.created = time.Unix(*seconds, 0).UTC()
	if err := r.check(); err != nil {
		return err
	}
	return r.make(ctx)
}

// check reads the version, and refuses what would not be a release.
func (r *release) check() error {
	if !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(r.revision) {
		return fmt.Errorf("the revision %q is no commit: commit your changes first", r.revision)
	}
	if r.created.Unix() <= 0 {
		return errors.New("say by -created when the commit was made")
	}
	chart, err := readChart(r.source)
	if err != nil {
		return err
	}
	if chart.Version != chart.AppVersion {
		return fmt.Errorf("%s has version %s and appVersion %s, which are released together: make them equal", chartFile, chart.Version, chart.AppVersion)
	}
	r.version = chart.Version
	return nil
}

// chartFile is the file that has the version.
const chartFile = "charts/realtime-operator/Chart.yaml"

// metadata is the part of Chart.yaml that a release repeats.
type metadata struct {
	Name, Version, AppVersion, Description, Home string
}

func readChart(source string) (metadata, error) {
	var m metadata
	text, err := os.ReadFile(filepath.Join(source, chartFile))
	if err != nil {
		return m, err
	}
	return m, yaml.Unmarshal(text, &m)
}

// make makes all parts, in a folder next to that of the release, which it takes the place of in the
// end: what is in the release's folder is always whole.
func (r *release) make(ctx context.Context) error {
	if err := replaceable(r.out); err != nil {
		return err
	}
	whole := *r
	whole.out = filepath.Clean(r.out) + ".unfinished"
	if err := whole.makeParts(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	return os.Rename(whole.out, r.out)
}

func (r *release) makeParts(ctx context.Context) error {
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	built, err := r.buildAll(ctx, folder)
	if err != nil {
		return err
	}
	for _, part := range []func(programs) error{r.writeImage, r.writeChart, r.writeSBOMs, r.writeProvenance, r.writeChecksums} {
		if err := part(built); err != nil {
			return err
		}
	}
	return nil
}

// replaceable returns an error if a folder has anything but an earlier release, which is known by
// its checksums.
func replaceable(name string) error {
	entries, err := os.ReadDir(name)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(name, checksumsFile)); err != nil {
		return fmt.Errorf("%s has files and is no earlier release: name another folder, or remove it", name)
	}
	return nil
}

// path is that of a file of the release.
func (r *release) path(name string) string { return filepath.Join(r.out, name) }
