// SPDX-License-Identifier: Apache-2.0

package status

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// docs/reference/conditions.md has every reason, and no other.
func TestReasonsAreDocumented(t *testing.T) {
	reasons := append(reasonsIn(t, "reasons.go"), reasonsIn(t, "../updates/standing.go")...)
	page, err := os.ReadFile("../../docs/reference/conditions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tables, _ := strings.Cut(string(page), "## Reasons that pass by themselves")
	var documented []string
	for line := range strings.SplitSeq(tables, "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, name := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(cells[1], -1) {
				documented = append(documented, name[1])
			}
		}
	}
	slices.Sort(reasons)
	slices.Sort(documented)
	if len(reasons) < 30 || !slices.Equal(reasons, documented) {
		t.Errorf("reasons are\n%q, and documented are\n%q", reasons, documented)
	}
}

// reasonsIn returns the reasons that a file declares.
func reasonsIn(t *testing.T, file string) (reasons []string) {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(source, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Reason") {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Error(err)
			}
			reasons = append(reasons, value)
		}
		return true
	})
	return reasons
}
