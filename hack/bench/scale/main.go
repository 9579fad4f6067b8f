// SPDX-License-Identifier: Apache-2.0

// Command scale tells what very many connections take: it fits a model to measurements of
// hack/bench/run (suites of the group scale), has a million connections join rooms on gateways, and
// adds up. `make scale` measures and writes docs/measured/scale.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/between"
	"github.com/realtime-operator/realtime-operator/hack/bench/internal/measured"
)

// Marks between which the document is written.
const (
	beginMark = "<!-- make scale writes from here -->\n"
	endMark   = "<!-- to here -->\n"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var w world
	f := flag.NewFlagSet("scale", flag.ContinueOnError)
	from := f.String("from", "hack/bench/scale/measured.jsonl", "measurements, as hack/bench/run writes them")
	docs := f.String("docs", "", "Markdown file whose part between the marks is written, with a plot in images beside it (default: only print)")
	f.IntVar(&w.connections, "connections", 1_000_000, "number of connections")
	f.IntVar(&w.perGateway, "per-gateway", 10_000, "connections on each gateway")
	f.IntVar(&w.rooms, "rooms", 100_000, "number of rooms")
	f.Float64Var(&w.exponent, "zipf", 1, "sizes of rooms are by their rank to the power of minus this")
	f.IntVar(&w.roomsPerClient, "rooms-per-client", 1, "in how many rooms each client is")
	f.DurationVar(&w.every, "every", time.Minute, "how often each client says something to each of its rooms")
	f.Float64Var(&w.roomLimit, "room-limit", 10, "events that a room takes in a second at most, whoever wants to say something")
	f.Uint64Var(&w.seed, "seed", 1, "of the draw of rooms")
	if err := f.Parse(args); err != nil {
		return err
	}
	file, err := os.Open(*from)
	if err != nil {
		return fmt.Errorf("open the measurements: %w", err)
	}
	defer file.Close()
	runs, err := measured.Read(file)
	if err != nil {
		return err
	}
	m, err := newModel(runs)
	if err != nil {
		return fmt.Errorf("fit the model to %s: %w", *from, err)
	}
	r := &report{model: m, world: w, on: runs[0].On}
	text, err := r.markdown()
	if err != nil {
		return err
	}
	fmt.Println(text)
	if *docs == "" {
		return nil
	}
	return r.write(*docs, text)
}

func (r *report) write(docs, text string) error {
	plot, err := r.plot()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(docs), "images", "scale.svg"), plot, 0o644); err != nil {
		return fmt.Errorf("write the plot: %w", err)
	}
	return between.Write(docs, beginMark, endMark, text)
}
