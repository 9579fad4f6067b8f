// SPDX-License-Identifier: Apache-2.0

package links_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/hack/docs/links"
)

func TestLinksThatLeadNowhereAreFound(t *testing.T) {
	pages := fstest.MapFS{
		"README.md": {Data: []byte("# Start\n\n[a](docs/a.md#two-words) [b](docs/b.md)\n![c](c.svg) [d](#start)\n" +
			"```md\n[in code](nowhere.md)\n```\n`[in code](nowhere.md)` [e](https://example.com/x#y) [f](docs/a.md#three)\n")},
		"docs/a.md": {Data: []byte("# `Two` [words](../README.md#start)!\n\n## Again\n\n## Again\n\n[g](#again-1) [h](#again-2)\n")},
	}
	broken, err := links.Broken(pages, []string{"README.md", "docs/a.md"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"README.md:3: docs/b.md does not exist",
		"README.md:4: c.svg does not exist",
		"README.md:8: docs/a.md has no heading #three",
		"docs/a.md:7: docs/a.md has no heading #again-2",
	}
	if diff := cmp.Diff(want, broken); diff != "" {
		t.Error(diff)
	}
}

func TestEveryLinkOfTheDocumentationResolves(t *testing.T) {
	broken, err := links.Broken(repository(), sources(t, ".md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range broken {
		t.Error(link)
	}
}

// page is a path of the documentation as comments, programs and scripts name it.
var page = regexp.MustCompile(`(?:^|[^\w./-])(docs/[\w./-]+\.(?:md|svg|png))`)

func TestEveryPageThatCodeNamesExists(t *testing.T) {
	for _, file := range sources(t, ".go", ".mjs", ".sh", ".yaml", ".yml", "Makefile", "Dockerfile", "run", "generate") {
		text, err := fs.ReadFile(repository(), file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range page.FindAllSubmatch(text, -1) {
			name := string(found[1])
			if strings.HasPrefix(name, "docs/engine.io-protocol/") || file == "hack/docs/links/links_test.go" {
				continue // of Socket.IO's own repository, or of this test
			}
			if _, err := fs.Stat(repository(), name); err != nil {
				t.Errorf("%s names %s, which does not exist", file, name)
			}
		}
	}
}

func TestTheIndexListsEveryPage(t *testing.T) {
	index, err := fs.ReadFile(repository(), "docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sources(t, ".md") {
		name, inDocs := strings.CutPrefix(file, "docs/")
		if !inDocs || name == "README.md" || strings.HasPrefix(name, "decisions/") {
			continue
		}
		if !strings.Contains(string(index), "]("+name) {
			t.Errorf("docs/README.md does not list %s", file)
		}
	}
}

var metric = regexp.MustCompile(`"(realtime_[a-z_]+)"`)

func TestEveryMetricIsDocumented(t *testing.T) {
	monitor, err := fs.ReadFile(repository(), "docs/how-to/monitor.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range sources(t, ".go") {
		if !strings.HasPrefix(file, "gateway/") && !strings.HasPrefix(file, "controllers/") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(repository(), file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range metric.FindAllSubmatch(text, -1) {
			found++
			if !strings.Contains(string(monitor), "`"+string(name[1])) {
				t.Errorf("docs/how-to/monitor.md does not have %s of %s", name[1], file)
			}
		}
	}
	if found == 0 {
		t.Error("no metric is found")
	}
}

func repository() fs.FS { return os.DirFS("../../..") }

// sources lists the repository's own files with one of the endings, in order.
func sources(t *testing.T, endings ...string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(repository(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "node_modules", "bin", "dist"}, entry.Name()) {
			return fs.SkipDir
		}
		if !entry.IsDir() && slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(name, ending) }) {
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
