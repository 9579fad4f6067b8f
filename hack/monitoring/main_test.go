// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const root = "../.."

func TestEveryAlertHasARunbook(t *testing.T) {
	pages := map[string]bool{}
	for _, a := range alerts() {
		page := a.runbook() + ".md"
		pages[page] = true
		text, err := os.ReadFile(filepath.Join(root, "docs/runbooks", page))
		if err != nil {
			t.Errorf("%s: %v", a.name, err)
			continue
		}
		for _, part := range []string{"## Meaning", "## Check", "## Do"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("docs/runbooks/%s has no part %q", page, part)
			}
		}
		if a.summary == "" || a.severity == "" || len(a.firing) == 0 || len(a.quiet) == 0 {
			t.Errorf("%s lacks a summary, a severity or recorded series", a.name)
		}
	}
	found, err := os.ReadDir(filepath.Join(root, "docs/runbooks"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range found {
		if !pages[page.Name()] {
			t.Errorf("docs/runbooks/%s is of no alert", page.Name())
		}
	}
}

var (
	registered = regexp.MustCompile(`"(realtime_[a-z_]+)"`)
	used       = regexp.MustCompile(`\brealtime_[a-z_]+|\brealtime:[a-z_]+:[a-z_0-9]+`)
)

// What a query names must be registered, or recorded.
func TestQueriesNameMetricsThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, folder := range []string{"gateway", "controllers"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range registered.FindAllStringSubmatch(string(text), -1) {
				known[found[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	histograms := strings.NewReplacer("_bucket", "", "_seconds_count", "_seconds")
	var queries []string
	for _, s := range slos() {
		names, exprs := s.records()
		for _, name := range names {
			known[name] = true
		}
		queries = append(queries, exprs...)
	}
	for _, a := range alerts() {
		queries = append(queries, a.expr)
	}
	for _, p := range panels() {
		for _, q := range p.queries {
			queries = append(queries, q[1])
		}
	}
	for _, query := range queries {
		for _, name := range used.FindAllString(query, -1) {
			if !known[histograms.Replace(name)] {
				t.Errorf("%s is no metric, in %s", name, query)
			}
		}
	}
}

// Each alert is judged by promtool on the series that it has for that: it fires on the one, and not
// on the other.
func TestEveryAlertFires(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: it is in Debian's package prometheus")
	}
	dir := t.TempDir()
	_, all := groups()
	save := func(name string, value any) string {
		text, err := yaml.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	save("rules.yaml", object{"groups": all})
	for _, a := range alerts() {
		t.Run(a.name, func(t *testing.T) {
			for state, series := range map[string]map[string]string{"firing": a.firing, "quiet": a.quiet} {
				at := a.at
				if at == "" {
					at = "60m"
				}
				var input []object
				for name, values := range series {
					input = append(input, object{"series": name, "values": values})
				}
				count := object{"expr": `count(ALERTS{alertname="` + a.name + `",alertstate="firing"}) or vector(0)`, "eval_time": at}
				value := 0
				if state == "firing" {
					value = 1
				}
				count["exp_samples"] = []object{{"value": value}}
				path := save(a.name+"-"+state+".yaml", object{
					"rule_files": []string{"rules.yaml"}, "evaluation_interval": "1m",
					"tests": []object{{"interval": "1m", "input_series": input, "promql_expr_test": []object{count}}},
				})
				if output, err := exec.Command(promtool, "test", "rules", path).CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", state, err, output)
				}
			}
		})
	}
}

func TestTheDashboardIsWhatGrafanaReads(t *testing.T) {
	text, err := json.Marshal(dashboard())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), `"expr":""`) {
		t.Error("a panel has no query")
	}
}
