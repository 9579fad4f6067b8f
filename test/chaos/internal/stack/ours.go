// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

//go:embed service.yaml
var serviceManifest []byte

// peerHost is where gateways listen for each other. They say 127.0.0.1, where there is a wire to
// it.
const peerHost = "127.0.0.2"

func peerAddress(ports gatewayPorts) string {
	return net.JoinHostPort(peerHost, strconv.Itoa(ports.peers))
}

// Programs are those of a stack of ours. Previous is the program realtime of before, by which
// gateways are started until an update, if that is among the faults; empty: there is none.
type Programs struct{ Realtime, Previous, NATSServer string }

// Ours are gateways around so many nats-servers with JetStream, all of which keep the log. The
// folder gets their files. Drain is how long a gateway takes to send its clients away. In a rollout
// it waits half of that for its successors to come up, which on a busy machine has taken 5 s for
// one.
func Ours(ctx context.Context, dir string, programs Programs, natsServers int, drain time.Duration) (Stack, error) {
	svc, err := manifest.Load(ctx, serviceManifest)
	if err != nil {
		return Stack{}, fmt.Errorf("read the manifest: %w", err)
	}
	svc.Spec.Recovery.Replicas = int32(natsServers)
	cm, err := resources.ConfigMap(svc, 0)
	if err != nil {
		return Stack{}, err
	}
	config := filepath.Join(dir, resources.ConfigKey)
	if err := os.WriteFile(config, []byte(cm.Data[resources.ConfigKey]), 0o644); err != nil {
		return Stack{}, fmt.Errorf("write the gateways' configuration: %w", err)
	}
	peers := filepath.Join(dir, "peers")
	if err := writePeers(peers); err != nil {
		return Stack{}, err
	}
	servers, err := newNATSServers(dir, programs.NATSServer, natsServers)
	if err != nil {
		return Stack{}, err
	}
	gateway := func(program string) func(int, int, gatewayPorts, []string) command {
		return func(n, revision int, ports gatewayPorts, brokers []string) command {
			name := fmt.Sprintf("gateway-%d", n)
			return command{
				name: name,
				path: program,
				args: []string{
					"gateway", "--config", config, "--name", name, "--revision", strconv.Itoa(revision),
					"--nats-url", "nats://" + strings.Join(brokers, ",nats://"), "--nats-credentials-dir", servers.secret,
					"--listen", local(ports.clients), "--ops-listen", local(ports.ops), "--drain", drain.String(),
					"--peer-dir", peers, "--peer-listen", peerAddress(ports), "--peer-address", "127.0.0.1",
				},
				ready: "http://" + local(ports.ops) + "/readyz",
			}
		}
	}
	s := Stack{
		Name: "ours",
		// Gateways close connections that do not end by themselves a few seconds later.
		Grace:   drain + 30*time.Second,
		Brokers: natsServers,
		broker:  servers.command,
		gateway: gateway(programs.Realtime),
		NATS:    servers,
		Peers:   true,
	}
	if programs.Previous != "" {
		s.previous = gateway(programs.Previous)
	}
	return s, nil
}

// writePeers makes what the gateways show to each other, as the operator does.
func writePeers(dir string) error {
	files, err := certificates.RenewPeers(nil, time.Now())
	if err != nil {
		return fmt.Errorf("make the gateways' certificate: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make a folder for the gateways' certificate: %w", err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return fmt.Errorf("write the gateways' certificate: %w", err)
		}
	}
	return nil
}
