// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const module = "github.com/realtime-operator/realtime-operator"

// importRule is a rule of depguard, which golangci-lint runs.
type importRule struct {
	Files []string
	Allow []string
	Deny  []struct{ Pkg string }
}

// closed reports whether the rule denies every package of ours but those it allows.
func (r importRule) closed() bool {
	return slices.ContainsFunc(r.Deny, func(d struct{ Pkg string }) bool { return d.Pkg == module })
}

// holdsFor reports whether the rule is for a file, by its path in the repository.
func (r importRule) holdsFor(file string) bool {
	holds := false
	for _, pattern := range r.Files {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if !matchGlob(pattern, file) {
			continue
		}
		if negated {
			return false
		}
		holds = true
	}
	return holds
}

// matchGlob reports whether a pattern of depguard matches a file. Paths are absolute there:
// ${config-path} is the repository.
func matchGlob(pattern, file string) bool {
	if pattern == "$test" {
		return strings.HasSuffix(file, "_test.go")
	}
	pattern = regexp.QuoteMeta(strings.TrimPrefix(pattern, "${config-path}"))
	pattern = strings.ReplaceAll(pattern, `\*\*`, `.*`)
	pattern = strings.ReplaceAll(pattern, `\*`, `[^/]*`)
	return regexp.MustCompile("^" + pattern + "$").MatchString("/" + file)
}

func importRules(t *testing.T) map[string]importRule {
	t.Helper()
	text, err := os.ReadFile(".golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Linters struct {
			Settings struct {
				Depguard struct{ Rules map[string]importRule }
			}
		}
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	rules := config.Linters.Settings.Depguard.Rules
	if len(rules) < 10 {
		t.Fatalf("the test does not see the rules of depguard: %v", rules)
	}
	return rules
}

// Nobody checks the imports of a package without a rule. A rule counts if it is closed, and if it
// would not hold for a package of another name in the same place.
func TestEveryPackageHasARuleForItsImports(t *testing.T) {
	rules := importRules(t)
	for dir := range goPackages(t) {
		other := "another/any.go"
		if strings.HasPrefix(dir, "gateway/") {
			other = "gateway/another/any.go"
		}
		own := slices.ContainsFunc(slices.Collect(maps.Values(rules)), func(r importRule) bool {
			return r.closed() && r.holdsFor(path.Join(dir, "any.go")) && !r.holdsFor(other)
		})
		if !own {
			t.Errorf("no rule of depguard in .golangci.yml says which packages of ours %s may import", dir)
		}
	}
}

// depguard looks an import up among a list's sorted entries, and compares it only with the last one
// that sorts before it: of the entries "a" and "a/c", none matches "a/d". If "a" is denied, "a/d"
// is not.
func TestNoEntryOfAnImportRuleHidesAnother(t *testing.T) {
	for name, r := range importRules(t) {
		denied := make([]string, len(r.Deny))
		for i, d := range r.Deny {
			denied[i] = d.Pkg
		}
		for _, list := range [][]string{r.Allow, denied} {
			slices.Sort(list)
			for i := range len(list) - 1 {
				if strings.HasPrefix(list[i+1], list[i]) {
					t.Errorf("rule %s: with %s in the list, %s does not match all that begins with it", name, list[i+1], list[i])
				}
			}
		}
	}
}
