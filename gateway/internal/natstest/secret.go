// SPDX-License-Identifier: Apache-2.0

package natstest

import (
	"os"
	"path/filepath"
	"testing"
)

// Secret is a mounted Secret with what NATS asks for: a folder whose files change.
type Secret struct {
	t   testing.TB
	Dir string
}

// NewSecret mounts a Secret with some files.
func NewSecret(t testing.TB, files map[string]string) *Secret {
	s := &Secret{t, t.TempDir()}
	s.Replace(files)
	return s
}

// Replace removes what is there, and puts other files in its place.
func (s *Secret) Replace(files map[string]string) {
	s.t.Helper()
	old, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			s.t.Fatal(err)
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}
