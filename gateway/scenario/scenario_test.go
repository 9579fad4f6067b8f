// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// run runs tests, and returns what is reported, without times.
func run(t *testing.T, o Options) (report string, err error) {
	t.Helper()
	var out bytes.Buffer
	o.Out = &out
	err = Run(t.Context(), o)
	return withoutChance(out.String()), err
}

var (
	times = regexp.MustCompile(`\b\d+\.\d{2,3}(s\b)|time="[^"]*"`)
	ids   = regexp.MustCompile(`("|&#34;)[\w-]{24}("|&#34;)|((?:socket|connection)=)[\w-]+`)
)

// withoutChance replaces times and ids of sockets, which are others each time.
func withoutChance(report string) string {
	return ids.ReplaceAllString(times.ReplaceAllString(report, "0.00$1"), "${1}${3}ID${2}")
}

// expectGolden compares a text with a file; with UPDATE_GOLDEN it writes the file.
func expectGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestEveryStep runs a file in which every kind of step is met, again and again: it must come to
// the same result however the goroutines run.
func TestEveryStep(t *testing.T) {
	for range 2 {
		report, err := run(t, Options{Files: []string{"testdata/team_test.yaml", "testdata/users_test.yaml"}, Least: 100})
		if err != nil || !strings.HasPrefix(report, "ok  \ttestdata/team_test.yaml") || !strings.Contains(report, "coverage: 100.0% of testdata/team.yaml") {
			t.Fatalf("error %v, report\n%s", err, report)
		}
	}
}

// TestFailures has every way in which a step can fail, in all forms of the report.
func TestFailures(t *testing.T) {
	junit := filepath.Join(t.TempDir(), "junit.xml")
	files := []string{"testdata/failing_test.yaml"}
	report, err := run(t, Options{Files: files, Verbose: true, JUnit: junit})
	if !errors.As(err, &FailedError{}) {
		t.Errorf("error %v", err)
	}
	expectGolden(t, "failing.golden", report)
	written, err := os.ReadFile(junit)
	if err != nil {
		t.Fatal(err)
	}
	expectGolden(t, "failing.junit.golden", withoutChance(string(written)))
	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
	}
	if err := xml.Unmarshal(written, &suites); err != nil || suites.Tests != 23 || suites.Failures != 22 {
		t.Errorf("JUnit has %+v, %v", suites, err)
	}
	document, err := run(t, Options{Files: files, JSON: true, Coverage: true})
	if !errors.As(err, &FailedError{}) {
		t.Errorf("error %v", err)
	}
	var decoded struct {
		Passed bool
		Files  []FileResult
	}
	if err := json.Unmarshal([]byte(document), &decoded); err != nil || decoded.Passed || len(decoded.Files) != 1 || len(decoded.Files[0].Tests) != 23 {
		t.Fatalf("JSON %v:\n%s", err, document)
	}
	first := decoded.Files[0].Tests[0]
	want := []FailedStep{
		{14, 20, "ada: connect", "ada: connect", "forbidden", "allowed"},
		{15, 45, "nobody: enter", "nobody: enter", "allowed", "token_missing"},
	}
	if diff := cmp.Diff(want, first.Failures); diff != "" || first.Line != 9 || first.Passed {
		t.Errorf("the first test is %+v (-want +got):\n%s", first, diff)
	}
}

func TestTestsAreSelectedByName(t *testing.T) {
	report, err := run(t, Options{Files: []string{"testdata/failing_test.yaml"}, Verbose: true, Run: regexp.MustCompile("^pass")})
	if want := "--- PASS: passes (0.00s)\nok  \ttestdata/failing_test.yaml\t0.00s\n"; err != nil || report != want {
		t.Errorf("error %v, report\n%s", err, report)
	}
	report, err = run(t, Options{Files: []string{"testdata/failing_test.yaml"}, Run: regexp.MustCompile("^no such")})
	if err != nil || !strings.Contains(report, "[no tests to run]") {
		t.Errorf("error %v, report\n%s", err, report)
	}
}

func TestWhatIsNotCoveredIsTold(t *testing.T) {
	o := Options{Files: []string{"testdata/failing_test.yaml"}, Run: regexp.MustCompile("^passes|^an acknowledgement without"), Least: 90}
	report, err := run(t, o)
	if !errors.As(err, &FailedError{}) {
		t.Errorf("error %v", err)
	}
	expectGolden(t, "coverage.golden", report)
	o.Run, o.Least = regexp.MustCompile("^passes"), 15
	if report, err = run(t, o); err != nil {
		t.Errorf("error %v, report\n%s", err, report)
	}
}

// TestInvalidFilesAreRefused has files that are refused before anything runs, each with the place
// of the mistake and the reason.
func TestInvalidFilesAreRefused(t *testing.T) {
	data, err := os.ReadFile("testdata/refused.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tests []struct {
		Name, File string
		Want       []string
	}
	if err := yaml.UnmarshalStrict(data, &tests); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, "it_test.yaml")
			team, err := os.ReadFile("testdata/team.yaml")
			if err != nil {
				t.Fatal(err)
			}
			bad := bytes.Replace(team, []byte("handlers:"), []byte("handler:"), 1)
			for file, content := range map[string][]byte{name: []byte(test.File), filepath.Join(dir, "team.yaml"): team, filepath.Join(dir, "bad.yaml"): bad} {
				if err := os.WriteFile(file, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			report, err := run(t, Options{Files: []string{name}})
			var invalid *InvalidError
			if !errors.As(err, &invalid) || invalid.ExitCode() != 2 || report != "" {
				t.Fatalf("error %v, report\n%s", err, report)
			}
			got := strings.Split(strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""), "\n")
			if diff := cmp.Diff(test.Want, got); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAFolderHasTests(t *testing.T) {
	dir := t.TempDir()
	var invalid *InvalidError
	if _, err := run(t, Options{Files: []string{dir}}); !errors.As(err, &invalid) {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := run(t, Options{Files: []string{filepath.Join(dir, "none")}}); !errors.As(err, &invalid) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := run(t, Options{}); !errors.As(err, &invalid) {
		t.Errorf("no file: %v", err)
	}
	names, err := expand([]string{"testdata", "testdata/team_test.yaml", "testdata/users_test.yaml"})
	if want := []string{"testdata/asked_test.yaml", "testdata/failing_test.yaml", "testdata/team_test.yaml", "testdata/users_test.yaml"}; err != nil || !cmp.Equal(names, want) {
		t.Errorf("files %q, %v, want %q", names, err, want)
	}
}

// TestEveryStepHasASchema has editors know what Load knows.
func TestEveryStepHasASchema(t *testing.T) {
	text, err := json.Marshal(Schema())
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct {
			Properties           map[string]any
			AdditionalProperties any
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for _, name := range stepNames() {
		if schema.Defs["Step"].Properties[name] == nil {
			t.Errorf("the schema has no step %s", name)
		}
	}
	if len(stepNames()) != 13 || schema.Defs["Step"].AdditionalProperties != false {
		t.Errorf("steps %q", stepNames())
	}
}

func TestProgramsAreStoodInFor(t *testing.T) {
	report, err := run(t, Options{Files: []string{"testdata/asked_test.yaml"}, Least: 100})
	if err != nil {
		t.Errorf("%v\n%s", err, report)
	}
}

func TestAManifestMayBeNamedByItsWholePath(t *testing.T) {
	manifest, err := filepath.Abs("testdata/users.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "it_test.yaml")
	if err := os.WriteFile(file, []byte("service: "+manifest+"\nclients: {ada: {}}\ntests: [{name: a, steps: [{connect: {clients: ada, error: {code: token_missing}}}]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if report, err := run(t, Options{Files: []string{file}}); err != nil {
		t.Errorf("%v\n%s", err, report)
	}
}

func TestUsersAreReached(t *testing.T) {
	report, err := run(t, Options{Files: []string{"testdata/users_test.yaml"}, Least: 100})
	if err != nil {
		t.Errorf("%v\n%s", err, report)
	}
}

// TestSamples runs the tests that every sample has. They run 90% of it at least.
func TestSamples(t *testing.T) {
	const samples = "../../config/samples"
	manifests, err := filepath.Glob(samples + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests := 0
	for _, name := range manifests {
		if strings.HasSuffix(name, fileSuffix) {
			continue
		}
		tests++
		test := strings.TrimSuffix(name, ".yaml") + fileSuffix
		report, err := run(t, Options{Files: []string{test}, Least: 90})
		if err != nil || !strings.Contains(report, "of "+filepath.Clean(name)) {
			t.Errorf("%s: %v\n%s", test, err, report)
		}
	}
	if tests < 6 {
		t.Errorf("only %d samples are found", tests)
	}
}
