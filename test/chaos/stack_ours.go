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
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// drain is how long a gateway takes to send its clients away.
const drain = 5 * time.Second

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
		gateway: func(n, port, opsPort int, broker string) command {
			name := fmt.Sprintf("gateway-%d", n)
			return command{
				name: name,
				path: realtime,
				args: []string{
					"gateway", "--config", config, "--name", name, "--nats-url", "nats://" + broker,
					"--listen", local(port), "--ops-listen", local(opsPort), "--drain", drain.String(),
				},
				ready: "http://" + local(opsPort) + "/readyz",
			}
		},
	}, nil
}
