// SPDX-License-Identifier: Apache-2.0

// Operator measures `realtime operator` with many services: the time until all are ready, and what
// it takes of the API server, of memory and of processor time, at rest, per change and after a
// restart. The API server and the operator are real; pods, and the controllers that make them, are
// simulated, and so is what gateways tell the operator.
//
//	go run ./hack/bench/operator -program dist/realtime -services 10,100
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/between"
)

// settings are the program's flags.
type settings struct {
	program  string
	services string
	// rest is how long the operator is watched while nothing happens, and changes how many services
	// are changed, one after another.
	rest    time.Duration
	changes int
	docs    string
}

func main() {
	var s settings
	flag.StringVar(&s.program, "program", "dist/realtime", "the operator's program")
	flag.StringVar(&s.services, "services", "10,100,1000", "numbers of services, each with an API server of its own")
	flag.DurationVar(&s.rest, "rest", 5*time.Minute, "how long to watch the operator at rest")
	flag.IntVar(&s.changes, "changes", 10, "how many services to change, one after another")
	flag.StringVar(&s.docs, "docs", "", "document whose figures are replaced")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "operator:", err)
		os.Exit(1) //nolint:gocritic // what is deferred ends with the process
	}
}

func run(ctx context.Context, s settings) error {
	var all []figures
	for text := range strings.SplitSeq(s.services, ",") {
		services, err := strconv.Atoi(text)
		if err != nil || services < 1 {
			return fmt.Errorf("-services has %q, which is no number of services", text)
		}
		f, err := measure(ctx, s, services)
		if err != nil {
			return fmt.Errorf("measure %d services: %w", services, err)
		}
		fmt.Fprintf(os.Stderr, "%d services: %.1f s\n", services, f.ready.Seconds())
		all = append(all, f)
	}
	text := markdown(all)
	fmt.Print(text)
	if s.docs == "" {
		return nil
	}
	return between.Write(s.docs, begin, end, text)
}
