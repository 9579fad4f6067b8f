// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	namedTest  = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	namedFile  = regexp.MustCompile("`([a-z]+\\.test\\.mjs)`")
	namedFault = regexp.MustCompile(`"([a-z][^"]*)"`)
	declared   = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
)

// A guarantee whose test was renamed or removed would go on to look tested.
func TestTheTestsOfTheGuaranteesExist(t *testing.T) {
	section := testedGuarantees(t)
	tests := declaredTests(t)
	for _, name := range namesIn(namedTest, section) {
		if !tests[name] {
			t.Errorf("docs/concepts/delivery.md names %s, which does not exist", name)
		}
	}
	for _, name := range namesIn(namedFault, section) {
		if !slices.Contains(Faults(), name) {
			t.Errorf("docs/concepts/delivery.md names the fault %q, which does not exist", name)
		}
	}
	for _, name := range namesIn(namedFile, section) {
		if _, err := os.Stat("../clients/" + name); err != nil {
			t.Error(err)
		}
	}
}

// testedGuarantees is the tables of docs/concepts/delivery.md that name tests.
func testedGuarantees(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/concepts/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Where each guarantee is tested\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, tables, _ := strings.Cut(section, "\n|")
	if !found || len(namesIn(namedTest, tables)) == 0 || len(namesIn(namedFault, tables)) == 0 {
		t.Fatal("docs/concepts/delivery.md does not say where its guarantees are tested")
	}
	return tables
}

func namesIn(pattern *regexp.Regexp, text string) []string {
	var names []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	return names
}

func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	err := filepath.WalkDir("../../gateway", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, name := range namesIn(declared, string(source)) {
			tests[name] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
