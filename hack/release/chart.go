// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"sigs.k8s.io/yaml"
)

// The kinds of a chart in a registry: https://helm.sh/docs/topics/registries.
const (
	chartConfigType  types.MediaType = "application/vnd.cncf.helm.config.v1+json"
	chartContentType types.MediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

func (r *release) chartArchive() string { return "realtime-operator-" + r.version + ".tgz" }

func (r *release) chartLayout() string { return "realtime-operator-chart-" + r.version + ".oci.tar" }

// writeChart writes the chart twice: as helm reads it from a file, and as an OCI layout that a
// program for registries can copy.
func (r *release) writeChart(programs) error {
	archive, err := r.packageChart()
	if err != nil {
		return fmt.Errorf("package the chart: %w", err)
	}
	if err := os.WriteFile(r.path(r.chartArchive()), archive, 0o644); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(r.source, chartFile))
	if err != nil {
		return err
	}
	config, err := yaml.YAMLToJSON(text)
	if err != nil {
		return err
	}
	return r.writeLayout(r.chartLayout(), func(l layout.Path) error { return r.appendChart(l, config, archive) })
}

// packageChart does what `helm package` does, which writes the current time into the archive.
func (r *release) packageChart() ([]byte, error) {
	chart := filepath.Join(r.source, filepath.Dir(chartFile))
	files, err := filesBelow(chart, "realtime-operator")
	if err != nil {
		return nil, err
	}
	ignored, err := os.ReadFile(filepath.Join(chart, ".helmignore"))
	if err != nil {
		return nil, err
	}
	files = slices.DeleteFunc(files, func(e entry) bool {
		return slices.ContainsFunc(strings.Fields(string(ignored)), func(pattern string) bool {
			matches, _ := filepath.Match(pattern, filepath.Base(e.name)) // a bad pattern matches nothing; the test compares with helm
			return matches
		})
	})
	content, err := tarOf(files, r.created, false)
	if err != nil {
		return nil, err
	}
	return gzipOf(content)
}

func (r *release) appendChart(l layout.Path, config, archive []byte) error {
	chart, err := readChart(r.source)
	if err != nil {
		return err
	}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Annotations: map[string]string{
		"org.opencontainers.image.title":       chart.Name,
		"org.opencontainers.image.description": chart.Description,
		"org.opencontainers.image.version":     chart.Version,
		"org.opencontainers.image.url":         chart.Home,
		"org.opencontainers.image.source":      home,
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.revision":    r.revision,
		"org.opencontainers.image.created":     r.created.Format(time.RFC3339),
	}}
	if manifest.Config, err = appendBlob(l, config, chartConfigType); err != nil {
		return err
	}
	layer, err := appendBlob(l, archive, chartContentType)
	if err != nil {
		return err
	}
	manifest.Layers = []v1.Descriptor{layer}
	encoded, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	descriptor, err := appendBlob(l, encoded, types.OCIManifestSchema1)
	if err != nil {
		return err
	}
	descriptor.Annotations = map[string]string{"org.opencontainers.image.ref.name": r.version}
	return l.AppendDescriptor(descriptor)
}

func appendBlob(l layout.Path, content []byte, kind types.MediaType) (v1.Descriptor, error) {
	hash, size, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{MediaType: kind, Digest: hash, Size: size}, l.WriteBlob(hash, io.NopCloser(bytes.NewReader(content)))
}
