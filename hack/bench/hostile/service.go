// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway"
	"github.com/realtime-operator/realtime-operator/hack/bench/internal/child"
)

// manifestText is the service under attack, with defaults but for the rate of handshakes, which
// would let most attacks come to nothing. Its first %s is its name.
const manifestText = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: %s, namespace: default}
spec:
  protocol: {allowEIO3: true, parser: %s, handshakes: {perSecond: 0}}
%s
  namespaces:
  - name: /
    rooms:
    - {name: lobby, presence: true}
%s
    handlers:
    - {event: echo, do: [{ack: args}]}
    - {event: join, do: [{join: "args[0]"}]}
    - {event: leave, do: [{leave: "args[0]"}]}
    - {event: ask, do: [{emit: {to: socket, event: asked, ack: {timeout: 1m}}}]}
    - {event: who, do: [{presence: {room: "args[0]"}}]}
    - {event: find, when: "args[0].exists(x, x == 'nobody')", do: [{ack: args}]}
    - {event: say, do: [{emit: {rooms: ["'long'"], event: said, args: args}}]}
  dynamicNamespaces: [{pattern: "/d/.*"}]
`

// Services that the attacks are for.
const (
	serviceJSON    = "json"
	serviceMsgpack = "msgpack"
	serviceLog     = "log"     // with recovery, and a room that has a history
	serviceLimited = "limited" // with limits for each socket
)

// manifestOf is one of them, by another name for each gateway, so that none serves another's
// clients.
func manifestOf(kind, name string) string {
	switch kind {
	case serviceMsgpack:
		return fmt.Sprintf(manifestText, name, "msgpack", "", "")
	case serviceLimited:
		limits := fmt.Sprintf("  limits: {perSocket: {events: {rate: %d, burst: %d}, bytes: {rate: 64Ki}}}", limitRate, 2*limitRate)
		return fmt.Sprintf(manifestText, name, "json", limits, "")
	case serviceLog:
		return fmt.Sprintf(manifestText, name, "json", "  recovery: {}", "    - {name: long, history: {maxMessages: 100}}")
	}
	return fmt.Sprintf(manifestText, name, "json", "", "")
}

// controlPath is where the server answers the benchmark beside its clients.
const controlPath = "/control/"

// serveUntil is the gateway's process: it tells its address, and ends with its input.
func serveUntil(ctx context.Context, kind, name, natsURL string, input io.Reader, output io.Writer) error {
	g, err := newGateway(ctx, kind, name, natsURL)
	if err != nil {
		return err
	}
	return errors.Join(child.Serve(ctx, withControl(g), input, output), g.Close())
}

func newGateway(ctx context.Context, kind, name, natsURL string) (*gateway.Gateway, error) {
	svc, err := manifest.Load(ctx, []byte(manifestOf(kind, name)))
	if err != nil {
		return nil, fmt.Errorf("load the service: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return gateway.New(svc, "", gateway.Options{Name: name, NATSURLs: []string{natsURL}, Log: log})
}

// withControl is what clients are served, and for the benchmark the gateway's memory, metrics and
// profiles.
func withControl(g *gateway.Gateway) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", g.Handler())
	mux.Handle(controlPath+"ops/", http.StripPrefix(controlPath+"ops", g.Ops()))
	mux.HandleFunc(controlPath+"memory", func(w http.ResponseWriter, _ *http.Request) {
		m, err := takeMemory()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		m.Connections = g.Status().Connections
		_ = json.NewEncoder(w).Encode(m) // the benchmark has gone if that fails
	})
	mux.HandleFunc(controlPath+"profile", pprof.Profile)
	mux.Handle(controlPath+"heap", pprof.Handler("heap"))
	return mux
}

// memory is what a gateway holds right behind a garbage collection, in bytes.
type memory struct {
	// Go is what is in use of heap and stacks, Resident what the process has of the machine's
	// memory.
	Go, Resident int64
	Connections  int64
}

// takeMemory gives back to the machine what is free, lest Resident tells of the past.
func takeMemory() (m memory, err error) {
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	m.Go = int64(stats.HeapAlloc + stats.StackInuse)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return m, fmt.Errorf("read the gateway's memory: %w", err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(after, &m.Resident); err != nil {
		return m, fmt.Errorf("read the gateway's memory: %w", err)
	}
	m.Resident <<= 10
	return m, nil
}

// memoryOf asks a gateway's process.
func memoryOf(ctx context.Context, address string) (m memory, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+controlPath+"memory", nil)
	if err != nil {
		return m, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return m, fmt.Errorf("ask for the gateway's memory: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil {
		return m, fmt.Errorf("read the gateway's memory: %w", err)
	}
	return m, nil
}
