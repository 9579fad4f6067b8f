// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// required is a line of a go.mod that names what the peer or the broker written in Go is.
var required = regexp.MustCompile(`(?m)^(?:require )?\s*github\.com/(?:centrifugal|nats-io)/(centrifuge|nats-server/v2) v(\S+)$`)

// versions lists what the peers depend on.
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
	for _, file := range []string{"go.mod", "hack/bench/peers/centrifuge/go.mod"} {
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return "", fmt.Errorf("read versions of peers: %w", err)
		}
		for _, match := range required.FindAllStringSubmatch(string(data), -1) {
			all = append(all, strings.TrimSuffix(match[1], "/v2")+" "+match[2])
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", "), nil
}
