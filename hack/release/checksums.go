// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// checksumsFile is what `sha256sum --check` reads. It is written last, so a folder that has one is
// a whole release.
const checksumsFile = "SHA256SUMS"

// writeChecksums writes those of all files of the release.
func (r *release) writeChecksums(programs) error {
	sums, err := r.checksums()
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, s := range sums {
		fmt.Fprintf(&lines, "%s  %s\n", s.sha256, s.name)
	}
	return os.WriteFile(r.path(checksumsFile), []byte(lines.String()), 0o644)
}

// checksum is that of a file of the release.
type checksum struct{ name, sha256 string }

// checksums are those of the files that are there, in the order of their names.
func (r *release) checksums() ([]checksum, error) {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return nil, err
	}
	var sums []checksum
	for _, e := range entries {
		sum, err := sha256Of(filepath.Join(r.out, e.Name()))
		if err != nil {
			return nil, err
		}
		sums = append(sums, checksum{e.Name(), sum})
	}
	return sums, nil
}

func sha256Of(file string) (string, error) {
	content, err := os.ReadFile(file)
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), err
}
