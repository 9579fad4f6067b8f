// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// gatewayConfig is what the operator would give to gateways, in the repository's folder.
const gatewayConfig = "dist/bench-gateway.yaml"

// renderConfig writes it, from the manifest of the benchmark.
func renderConfig(root string) error {
	data, err := os.ReadFile(filepath.Join(root, serviceManifest))
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	svc, err := manifest.Load(data)
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	cm, err := resources.ConfigMap(svc)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, gatewayConfig), []byte(cm.Data[resources.ConfigKey]), 0o644); err != nil {
		return fmt.Errorf("write the gateways' configuration: %w", err)
	}
	return nil
}
