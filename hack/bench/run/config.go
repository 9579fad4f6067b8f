// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// Files in the repository's folder.
const (
	serviceManifest = "hack/bench/peers/ours/service.yaml"
	// deflateManifest is the same with compression, gatewayConfig what the operator would give to
	// gateways.
	deflateManifest = "dist/bench-deflate.yaml"
	gatewayConfig   = "dist/bench-gateway.yaml"
	// recoveryConfig is the same for gateways that keep what they emit.
	recoveryConfig = "dist/bench-recovery.yaml"
)

// renderConfig writes what is made of the manifest of the benchmark.
func renderConfig(ctx context.Context, root string) error {
	data, err := os.ReadFile(filepath.Join(root, serviceManifest))
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	svc, err := manifest.Load(ctx, data)
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	if err := writeConfig(svc, filepath.Join(root, gatewayConfig)); err != nil {
		return err
	}
	// Read again, so that the fields of recovery get their defaults.
	if svc, err = manifest.Load(ctx, append(data, recoverySpec...)); err != nil {
		return fmt.Errorf("read the manifest with recovery: %w", err)
	}
	if err := writeConfig(svc, filepath.Join(root, recoveryConfig)); err != nil {
		return err
	}
	svc.Spec.Recovery = nil
	compressed, err := yaml.Marshal(withDeflate(svc))
	if err != nil {
		return fmt.Errorf("write the manifest with compression: %w", err)
	}
	if err := os.WriteFile(filepath.Join(root, deflateManifest), compressed, 0o644); err != nil {
		return fmt.Errorf("write the manifest with compression: %w", err)
	}
	return renderSecured(svc, root)
}

// recoverySpec is added to the manifest, which ends within its spec.
const recoverySpec = "\n  recovery: {}\n"

func writeConfig(svc *v1alpha1.RealtimeService, file string) error {
	cm, err := resources.ConfigMap(svc, 0)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(cm.Data[resources.ConfigKey]), 0o644); err != nil {
		return fmt.Errorf("write the gateways' configuration: %w", err)
	}
	return nil
}

func withDeflate(svc *v1alpha1.RealtimeService) *v1alpha1.RealtimeService {
	svc = svc.DeepCopy()
	svc.Spec.Protocol.Compression.WebSocket = v1alpha1.CompressionRule{Enabled: true, ThresholdBytes: deflateFrom}
	return svc
}
