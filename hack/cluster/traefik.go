// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// prepareTraefik makes a folder from which Traefik can be built, and returns it with what removes
// it. It is the folder of sources, and lego, Traefik's library for ACME, without its DNS providers:
// they bring the libraries of a hundred services, which no test needs and not every module proxy
// has.
func prepareTraefik(ctx context.Context, sources, cache string) (folder string, remove func() error, err error) {
	if folder, err = os.MkdirTemp(cache, "traefik-sources-"); err != nil {
		return "", nil, err
	}
	remove = func() error { return os.RemoveAll(folder) }
	defer func() {
		if err != nil {
			err = errors.Join(err, remove())
		}
	}()
	if err = os.CopyFS(folder, os.DirFS(sources)); err != nil {
		return "", nil, err
	}
	lego, err := downloaded(ctx, filepath.Join(folder, "lego"), "github.com/go-acme/lego/v5")
	if err != nil {
		return "", nil, err
	}
	patched := filepath.Join(folder, "patched")
	if err = os.CopyFS(patched, os.DirFS(lego)); err != nil {
		return "", nil, err
	}
	providers := filepath.Join(patched, "providers", "dns")
	if err = os.RemoveAll(providers); err != nil {
		return "", nil, err
	}
	if err = os.Mkdir(providers, 0o755); err != nil {
		return "", nil, err
	}
	return folder, remove, os.Rename(filepath.Join(folder, "lego", "dns.go"), filepath.Join(providers, "dns.go"))
}

// downloaded returns the folder of a module that the go.mod of a folder requires, after it has been
// checked by its go.sum.
func downloaded(ctx context.Context, folder, module string) (string, error) {
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	command.Dir = folder
	output, err := command.Output()
	var found struct{ Dir, Error string }
	if errJSON := json.Unmarshal(output, &found); err == nil && errJSON != nil {
		err = errJSON
	}
	if err != nil {
		return "", fmt.Errorf("downloading %s: %w %s", module, err, found.Error)
	}
	return found.Dir, nil
}
