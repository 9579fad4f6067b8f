// SPDX-License-Identifier: Apache-2.0

package configfile

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxDirBytes is how large the files of a folder may be together. A Secret has at most 1 MiB.
const maxDirBytes = 2 << 20

// ReadDir reads the files of a folder as a Secret or a ConfigMap is mounted: by name, without those
// whose names begin with a dot, which are the kubelet's. Folders in it are left out.
func ReadDir(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the files of a folder: %w", err)
	}
	files, left := map[string][]byte{}, int64(maxDirBytes)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		data, err := readFile(filepath.Join(dir, e.Name()), left)
		if err != nil {
			return nil, err
		}
		if data == nil {
			continue
		}
		if left -= int64(len(data)); left < 0 {
			return nil, fmt.Errorf("read the files of %s: they have more than %d bytes", dir, maxDirBytes)
		}
		files[e.Name()] = data
	}
	return files, nil
}

// readFile reads at most one byte more than a limit. It returns nil for what is no regular file.
func readFile(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name) // of what a link points to
	if err != nil {
		return nil, fmt.Errorf("read a file of a folder: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read a file of a folder: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read a file of a folder: %w", err)
	}
	return data, nil
}
