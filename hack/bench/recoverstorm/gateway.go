// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

const service = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: storm, namespace: default}
spec:
  recovery: {maxDisconnection: 10m, maxMessages: 10000}
  protocol: {handshakes: {perSecond: 0}}
  namespaces:
  - name: /
    handlers:
    - event: join
      do: [{join: "args[0]"}, {ack: "['ok']"}]
    - event: say
      do: [{emit: {event: said, rooms: ["args[0]"], args: "[args[1]]"}}, {ack: "['ok']"}]
`

// startPatience is how long a gateway may take to be ready.
const startPatience = 30 * time.Second

// gateway is a process.
type gateway struct {
	address string
	process *exec.Cmd
	killed  bool
}

func startGateway(ctx context.Context, s settings, dir, name, natsURL string) (*gateway, error) {
	svc, err := manifest.Load(ctx, []byte(service))
	if err != nil {
		return nil, fmt.Errorf("load the service: %w", err)
	}
	cm, err := resources.ConfigMap(svc, 0)
	if err != nil {
		return nil, fmt.Errorf("write the service: %w", err)
	}
	config := filepath.Join(dir, name+"-"+resources.ConfigKey)
	if err := os.WriteFile(config, []byte(cm.Data[resources.ConfigKey]), 0o600); err != nil {
		return nil, fmt.Errorf("write the service: %w", err)
	}
	address, ops, api := freeAddress(), freeAddress(), freeAddress()
	g := &gateway{address: address, process: exec.CommandContext(ctx, s.realtime, "gateway", "--config", config, "--name", name,
		"--nats-url", natsURL, "--listen", address, "--ops-listen", ops, "--api-listen", api)}
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("start a gateway: %w", err)
	}
	defer log.Close()
	g.process.Stdout, g.process.Stderr = log, log
	if err := g.process.Start(); err != nil {
		return nil, fmt.Errorf("start a gateway: %w", err)
	}
	for begun := time.Now(); time.Since(begun) < startPatience; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get("http://" + ops + "/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return g, nil
		}
	}
	g.kill()
	return nil, errors.New("a gateway does not get ready")
}

// freeAddress is one of loopback that nobody listens on now.
func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}

// kill ends it without a farewell. Again is harmless.
func (g *gateway) kill() {
	if g.killed {
		return
	}
	g.killed = true
	_ = g.process.Process.Kill() // it may have ended by itself
	_ = g.process.Wait()         // it tells that it was killed
}

// memory is what it takes, now and at most, in KiB.
func (g *gateway) memory() (now, peak int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.process.Process.Pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read what a gateway takes: %w", err)
	}
	value := func(name string) int {
		_, rest, _ := strings.Cut(string(status), name+":")
		rest, _, _ = strings.Cut(rest, "kB")
		n, _ := strconv.Atoi(strings.TrimSpace(rest))
		return n
	}
	return value("VmRSS"), value("VmHWM"), nil
}

// reads counts the requests that JetStream gets: what is published to it is none.
type reads struct {
	nc *nats.Conn
	n  atomic.Int64
}

func countReads(url string) (*reads, error) {
	nc, err := nats.Connect(url)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	r := &reads{nc: nc}
	if _, err := nc.Subscribe("$JS.API.>", func(*nats.Msg) { r.n.Add(1) }); err != nil {
		nc.Close()
		return nil, fmt.Errorf("count requests: %w", err)
	}
	return r, nc.Flush()
}

func (r *reads) count() int64 {
	_ = r.nc.Flush() // an error shows at the next one
	return r.n.Load()
}

func (r *reads) close() { r.nc.Close() }
