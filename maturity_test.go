// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/maturity.md names tests that exist, and each row of its tables one.
func TestProofsExist(t *testing.T) {
	page, err := os.ReadFile("docs/maturity.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := allTests(t)
	proofs := regexp.MustCompile("`(Test\\w+)(?:/([^`]+))?`")
	for line := range strings.SplitSeq(string(page), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| capability") {
			continue
		}
		cells := strings.Split(line, "|")
		named := proofs.FindAllStringSubmatch(cells[3], -1)
		if len(named) == 0 && !strings.Contains(cells[3], "_test.go") {
			t.Errorf("there is no proof of %s", cells[1])
		}
		for _, proof := range named {
			if !strings.Contains(tests, "func "+proof[1]+"(") {
				t.Errorf("there is no %s", proof[1])
			}
			if proof[2] != "" && !strings.Contains(tests, `t.Run("`+proof[2]+`"`) {
				t.Errorf("there is no %s/%s", proof[1], proof[2])
			}
		}
	}
}

// allTests returns the sources of all tests, one after the other.
func allTests(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for name, source := range goSources(t) {
		if strings.HasSuffix(name, "_test.go") {
			all.WriteString(source)
		}
	}
	return all.String()
}
