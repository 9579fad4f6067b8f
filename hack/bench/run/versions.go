// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// versions lists what the peers written in JavaScript depend on. Those of Go are in their go.mod.
func versions(root string) (string, error) {
	var all []string
	for _, name := range []string{"socketio", "bun"} {
		data, err := os.ReadFile(filepath.Join(root, "hack/bench/peers", name, "package.json"))
		if err != nil {
			return "", fmt.Errorf("read versions of peers: %w", err)
		}
		var manifest struct {
			Dependencies map[string]string `json:"dependencies"`
		}
		if err := json.Unmarshal(data, &manifest); err != nil {
			return "", fmt.Errorf("read versions of peers: %w", err)
		}
		for dependency, version := range manifest.Dependencies {
			all = append(all, dependency+" "+version)
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", "), nil
}
