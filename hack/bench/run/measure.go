// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/measured"
)

const loadWithin = 3 * time.Minute

// measure runs a suite against fresh processes. more are flags for the load, beside the suite's.
func measure(ctx context.Context, o options, s suite, p peer, more ...string) (measured.Run, error) {
	servers, err := startPeer(ctx, o.root, s, p)
	if err != nil {
		return measured.Run{}, err
	}
	defer servers.stop()
	ctx, cancel := context.WithTimeout(ctx, loadWithin)
	defer cancel()
	args := append(s.args(), "-protocol", p.protocol, "-duration", (o.duration * time.Duration(max(s.longer, 1))).String(),
		"-addr", strings.Join(servers.addrs, ","), "-pid", strings.Join(servers.pids, ","), "-broker-pid", strings.Join(servers.brokers, ","),
		"-nats-monitor", servers.monitor, "-pprof", servers.pprof)
	load := exec.CommandContext(ctx, "dist/load", append(args, more...)...)
	load.Dir = o.root
	var errors bytes.Buffer
	load.Stderr = &errors
	output, err := load.Output()
	if err != nil {
		return measured.Run{}, fmt.Errorf("load: %w: %s", err, errors.Bytes())
	}
	m := measured.Run{Name: s.name, Peer: p.name, On: o.on}
	if err := json.Unmarshal(output, &m.Result); err != nil {
		return m, fmt.Errorf("read what load prints: %w", err)
	}
	return m, nil
}
