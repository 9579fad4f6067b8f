// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	_ "embed"
	"fmt"
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

// Ours are gateways, by the program realtime, around so many nats-servers with JetStream, all of which keep the log. The folder gets
// their files. Drain is how long a gateway takes to send its clients away. In a rollout it waits half of that for its successors to come
// up, which on a busy machine has taken 5 s for one.
func Ours(dir, realtime, natsServer string, natsServers int, drain time.Duration) (Stack, error) {
	svc, err := manifest.Load(serviceManifest)
	if err != nil {
		return Stack{}, fmt.Errorf("read the manifest: %w", err)
	}
	svc.Spec.Recovery.Replicas = int32(natsServers)
	cm, err := resources.ConfigMap(svc)
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
	return Stack{
		Name: "ours",
		// Gateways close connections that do not end by themselves a few seconds later.
		grace:   drain + 30*time.Second,
		brokers: natsServers,
		broker:  func(i int, ports []brokerPorts) command { return natsCommand(dir, natsServer, i, ports) },
		gateway: func(n, revision int, ports gatewayPorts, brokers []string) command {
			name := fmt.Sprintf("gateway-%d", n)
			return command{
				name: name,
				path: realtime,
				args: []string{
					"gateway", "--config", config, "--name", name, "--revision", strconv.Itoa(revision), "--nats-url", "nats://" + strings.Join(brokers, ",nats://"),
					"--listen", local(ports.clients), "--ops-listen", local(ports.ops), "--drain", drain.String(),
					"--peer-dir", peers, "--peer-listen", local(ports.peers), "--peer-address", "127.0.0.1",
				},
				ready: "http://" + local(ports.ops) + "/readyz",
			}
		},
	}, nil
}

// natsCommand is one of several servers, which tell nobody of each other: gateways have a wire to each, that can be cut.
func natsCommand(dir, natsServer string, i int, ports []brokerPorts) command {
	c := command{
		name:  "nats",
		path:  natsServer,
		args:  []string{"--addr", "127.0.0.1", "--port", strconv.Itoa(ports[i].clients), "--jetstream", "--store_dir", filepath.Join(dir, "jetstream")},
		ready: local(ports[i].clients),
	}
	if len(ports) == 1 {
		return c
	}
	c.name = fmt.Sprintf("nats-%d", i)
	c.args[len(c.args)-1] = filepath.Join(dir, "jetstream-"+strconv.Itoa(i))
	routes := make([]string, len(ports))
	for i, p := range ports {
		routes[i] = "nats-route://" + local(p.routes)
	}
	c.args = append(c.args, "--name", c.name, "--cluster_name", "chaos", "--cluster", "nats://"+local(ports[i].routes),
		"--routes", strings.Join(routes, ","), "--no_advertise")
	return c
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
