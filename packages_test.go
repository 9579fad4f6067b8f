// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// size counts a package's files and their lines, without tests and what is generated.
type size struct{ files, lines int }

func (s size) exceeds(limit size) bool { return s.files > limit.files || s.lines > limit.lines }

// maxSize is how large a package may become before it is cut into several.
var maxSize = size{files: 25, lines: 3500}

// tooLarge are packages above maxSize, with the size that they must not exceed. Nothing is added
// here; a package that no longer needs its entry fails the test until the entry is removed.
var tooLarge = map[string]size{}

func TestPackagesAreSmall(t *testing.T) {
	packages := goPackages(t)
	for dir, files := range packages {
		limit := maxSize
		bound, excepted := tooLarge[dir]
		if excepted {
			limit = bound
		}
		s := files.size()
		if s.exceeds(limit) {
			t.Errorf("package %s has %d files and %d lines without tests; it may have %d and %d, and is cut into several:\n%s",
				dir, s.files, s.lines, limit.files, limit.lines, files)
		}
		if excepted && !s.exceeds(maxSize) {
			t.Errorf("package %s has %d files and %d lines without tests, and is no exception any more: remove it from tooLarge",
				dir, s.files, s.lines)
		}
	}
	for dir := range tooLarge {
		if packages[dir] == nil {
			t.Errorf("there is no package %s: remove it from tooLarge", dir)
		}
	}
}

// goFiles are the files of a package, tests among them, and their lines.
type goFiles map[string]int

func (f goFiles) size() (s size) {
	for name, lines := range f {
		if !strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, "zz_generated.") {
			s.files++
			s.lines += lines
		}
	}
	return s
}

// String lists the files without tests, the longest first.
func (f goFiles) String() string {
	var b strings.Builder
	for _, name := range slices.SortedFunc(maps.Keys(f), func(a, b string) int {
		return cmp.Or(cmp.Compare(f[b], f[a]), cmp.Compare(a, b))
	}) {
		if !strings.HasSuffix(name, "_test.go") {
			fmt.Fprintf(&b, "%6d %s\n", f[name], name)
		}
	}
	return b.String()
}

// goPackages are the folders of this module with Go files, by their paths; the root is ".".
// Modules of their own are left out.
func goPackages(t *testing.T) map[string]goFiles {
	t.Helper()
	root := os.DirFS(".")
	packages := map[string]goFiles{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && !ofThisModule(root, name) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if packages[dir] == nil {
			packages[dir] = goFiles{}
		}
		packages[dir][path.Base(name)] = bytes.Count(text, []byte("\n"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 50 || packages["."] == nil || packages["gateway/socketio"] == nil {
		t.Fatalf("the test does not see the packages of this module: %d", len(packages))
	}
	return packages
}

// ofThisModule is false for folders that the go command leaves out, for what is built or
// downloaded, and for other modules.
func ofThisModule(root fs.FS, dir string) bool {
	base := path.Base(dir)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") ||
		slices.Contains([]string{"bin", "dist", "node_modules", "testdata"}, base) {
		return false
	}
	_, err := fs.Stat(root, path.Join(dir, "go.mod"))
	return err != nil
}
