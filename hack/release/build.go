// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// target is a program that a release has.
type target struct {
	os, arch string
	// tags choose what is in the program.
	tags string
	// image is whether it is the program in the image for its platform. Programs for people's own
	// machines are not; they become archives once there are some.
	image bool
}

// targets are all programs of a release.
var targets = []target{
	{"linux", "amd64", "operator,nodev", true},
	{"linux", "arm64", "operator,nodev", true},
}

func (t target) platform() string { return t.os + "-" + t.arch }

// programs are the paths of what was built.
type programs map[target]string

// buildEnvironment is all that decides how Go builds, whatever the caller's environment says.
func buildEnvironment(t target) []string {
	return []string{
		"CGO_ENABLED=0", "GOOS=" + t.os, "GOARCH=" + t.arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off", "GOTOOLCHAIN=local",
	}
}

// buildAll builds all programs into a folder.
func (r *release) buildAll(ctx context.Context, folder string) (programs, error) {
	built := programs{}
	for _, t := range targets {
		path := filepath.Join(folder, "realtime-"+t.platform())
		if err := r.build(ctx, t, path); err != nil {
			return nil, err
		}
		built[t] = path
	}
	return built, nil
}

// build builds one program as `make dist/realtime-pod` does: neither a path nor the state of a
// checkout gets into it.
func (r *release) build(ctx context.Context, t target, path string) error {
	command := exec.CommandContext(ctx, "go", "build", "-C", r.source, "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-tags", t.tags, "-ldflags", "-s -w -X main.version="+r.version, "-o", path, ".")
	command.Env = append(os.Environ(), buildEnvironment(t)...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build for %s: %w\n%s", t.platform(), err, strings.TrimSpace(string(output)))
	}
	return nil
}
