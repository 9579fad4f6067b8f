// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestTheGuideShowsWhatRuns finds every Go snippet of docs/how-to/go-server.md, whitespace aside,
// in the body of an example that runs, or in a program.
func TestTheGuideShowsWhatRuns(t *testing.T) {
	guide, err := os.ReadFile("../../docs/how-to/go-server.md")
	if err != nil {
		t.Fatal(err)
	}
	bodies := exampleBodies(t, "example_test.go", "example_guide_test.go", "../clientbundle/example_test.go")
	program, err := os.ReadFile("../../docs/examples/clustered/main.go") // which test/clients runs
	if err != nil {
		t.Fatal(err)
	}
	bodies["docs/examples/clustered"] = oneLine(string(program))
	blocks := goBlock.FindAllStringSubmatch(string(guide), -1)
	if len(blocks) < 12 {
		t.Fatalf("only %d snippets are found", len(blocks))
	}
	for _, block := range blocks {
		if !isPartOfOne(bodies, block[1]) {
			t.Errorf("no example runs this:\n%s", block[1])
		}
	}
	for _, named := range regexp.MustCompile("`(Example[A-Za-z_]*)`").FindAllStringSubmatch(string(guide), -1) {
		if bodies[named[1]] == "" {
			t.Errorf("there is no example %s", named[1])
		}
	}
}

func isPartOfOne(bodies map[string]string, snippet string) bool {
	for _, body := range bodies {
		if strings.Contains(body, oneLine(snippet)) {
			return true
		}
	}
	return false
}

// oneLine makes the kind and amount of whitespace equal.
func oneLine(code string) string { return strings.Join(strings.Fields(code), " ") }

// exampleBodies are those of the examples in files that say what they print: others are compiled,
// but do not run.
func exampleBodies(t *testing.T, files ...string) map[string]string {
	t.Helper()
	bodies := map[string]string{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, source, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Example") {
				continue
			}
			body := string(source[set.Position(f.Body.Pos()).Offset:set.Position(f.Body.End()).Offset])
			if strings.Contains(body, "// Output:") {
				bodies[f.Name.Name] = oneLine(body)
			}
		}
	}
	return bodies
}
