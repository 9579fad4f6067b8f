// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// drain is how long a gateway takes to send its clients away.
const drain = 10 * time.Second

//go:embed service.yaml
var serviceManifest []byte

// Ours are gateways, by the program realtime, around a nats-server with JetStream. The folder gets their files.
func Ours(dir, realtime, natsServer string) (Stack, error) {
	svc, err := manifest.Load(serviceManifest)
	if err != nil {
		return Stack{}, fmt.Errorf("read the manifest: %w", err)
	}
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
		grace: drain + 30*time.Second,
		broker: func(port int) command {
			return command{
				name:  "nats",
				path:  natsServer,
				args:  []string{"--addr", "127.0.0.1", "--port", strconv.Itoa(port), "--jetstream", "--store_dir", filepath.Join(dir, "jetstream")},
				ready: local(port),
			}
		},
		gateway: func(n, revision int, ports gatewayPorts, broker string) command {
			name := fmt.Sprintf("gateway-%d", n)
			return command{
				name: name,
				path: realtime,
				args: []string{
					"gateway", "--config", config, "--name", name, "--revision", strconv.Itoa(revision), "--nats-url", "nats://" + broker,
					"--listen", local(ports.clients), "--ops-listen", local(ports.ops), "--drain", drain.String(),
					"--peer-dir", peers, "--peer-listen", local(ports.peers), "--peer-address", "127.0.0.1",
				},
				ready: "http://" + local(ports.ops) + "/readyz",
			}
		},
	}, nil
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
