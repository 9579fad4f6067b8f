// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	home = "https://github.com/realtime-operator/realtime-operator"
	// imageName is the image's name where none is configured: that of the chart's values.
	imageName = "docker.io/realtime-operator/realtime"
)

func (r *release) imageFile() string { return "realtime-" + r.version + ".oci.tar" }

// writeImage writes an index with the image of each platform, as an archive of an OCI layout.
func (r *release) writeImage(built programs) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, t := range targets {
		if !t.image {
			continue
		}
		image, err := r.image(t, built[t])
		if err != nil {
			return fmt.Errorf("image for %s: %w", t.platform(), err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: t.os, Architecture: t.arch}},
		})
	}
	annotated, ok := mutate.Annotations(index, r.labels()).(v1.ImageIndex)
	if !ok {
		return fmt.Errorf("the index has lost its kind")
	}
	return r.writeLayout(r.imageFile(), func(l layout.Path) error {
		return l.AppendIndex(annotated, layout.WithAnnotations(map[string]string{
			"org.opencontainers.image.ref.name": r.version,
			"io.containerd.image.name":          imageName + ":" + r.version, // for ctr, kind and docker load
		}))
	})
}

// image is made of the same parts as Dockerfile's.
func (r *release) image(t target, program string) (v1.Image, error) {
	bundles, err := filesBelow(r.client, "client")
	if err != nil {
		return nil, err
	}
	if len(bundles) == 0 {
		return nil, fmt.Errorf("%s has no bundles of the client: run make dist/client", r.client)
	}
	var layers []mutate.Addendum
	for _, part := range []struct {
		what    string
		entries []entry
	}{
		{"certificate authorities", []entry{{name: "etc/ssl/certs/ca-certificates.crt", from: r.certificates}}},
		{"socket.io-client", bundles},
		{"realtime", []entry{{name: "realtime", from: program, executable: true}}},
	} {
		// Files have no time, so that a layer is the same in all releases in which its files are.
		content, err := tarOf(part.entries, time.Unix(0, 0), true)
		if err != nil {
			return nil, err
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(content)), nil
		}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(9), tarball.WithCompressedCaching)
		if err != nil {
			return nil, err
		}
		layers = append(layers, mutate.Addendum{Layer: layer, History: v1.History{
			Created: v1.Time{Time: r.created}, CreatedBy: "make release", Comment: part.what,
		}})
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	base, err = mutate.ConfigFile(base, &v1.ConfigFile{
		OS: t.os, Architecture: t.arch,
		Created: v1.Time{Time: r.created},
		RootFS:  v1.RootFS{Type: "layers"},
		Config:  v1.Config{User: "65532:65532", Entrypoint: []string{"/realtime"}, Labels: r.labels()},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Append(base, layers...)
}

// labels say what the image is, in the words of the OCI image specification.
func (r *release) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":         "realtime",
		"org.opencontainers.image.description":   "The operator and the gateways of realtime-operator",
		"org.opencontainers.image.url":           home,
		"org.opencontainers.image.source":        home,
		"org.opencontainers.image.documentation": home + "/blob/v" + r.version + "/docs/README.md",
		"org.opencontainers.image.licenses":      "Apache-2.0",
		"org.opencontainers.image.version":       r.version,
		"org.opencontainers.image.revision":      r.revision,
		"org.opencontainers.image.created":       r.created.Format(time.RFC3339),
	}
}

// writeLayout writes an OCI layout as an archive. Fill adds what is in it.
func (r *release) writeLayout(name string, fill func(layout.Path) error) error {
	folder, err := os.MkdirTemp("", "layout-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	if err := fill(path); err != nil {
		return err
	}
	entries, err := filesBelow(folder, "")
	if err != nil {
		return err
	}
	return writeTarFile(r.path(name), entries, time.Unix(0, 0))
}
