// SPDX-License-Identifier: Apache-2.0

//go:build !nodev

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	// guideFile is a file of docs/how-to/test.md, and behind it in a comment its name.
	guideFile = regexp.MustCompile("(?s)```(?:yaml|json)\n(.*?)```\n(?:<!-- test\n(.*?)\n-->)?")
	// guideCommand is what is typed, and what is printed.
	guideCommand = regexp.MustCompile("(?s)```sh\n(.*?)```\n(?:```text\n(.*?)```)?")
	// chances are times and ids, which are others each time.
	chances = regexp.MustCompile(`\b\d+\.\d{2,3}s\b|"[\w-]{24}"|"ID"|"(exp|iat)":\d+`)
)

// TestTheGuideOfTests types every command of docs/how-to/test.md, with its files.
func TestTheGuideOfTests(t *testing.T) {
	guide, err := os.ReadFile("docs/how-to/test.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, found := range guideFile.FindAllStringSubmatch(string(guide), -1) {
		if found[2] == "" {
			t.Fatalf("a file of the guide has no name:\n%s", found[1])
		}
		if err := os.WriteFile(filepath.Join(dir, found[2]), []byte(found[1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	commands := guideCommand.FindAllStringSubmatch(string(guide), -1)
	if len(commands) < 8 {
		t.Fatalf("only %d commands are found", len(commands))
	}
	for _, found := range commands {
		var out bytes.Buffer
		for line := range strings.Lines(found[1]) {
			typeCommand(t, strings.TrimSpace(line), &out)
		}
		want, got := chances.ReplaceAllString(found[2], "_"), chances.ReplaceAllString(out.String(), "_")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s(-documented +printed):\n%s", found[1], diff)
		}
	}
	if report, err := os.ReadFile("junit.xml"); err != nil || !bytes.Contains(report, []byte("<testsuites")) {
		t.Errorf("the report is %s, %v", report, err)
	}
	var out bytes.Buffer
	typeCommand(t, "realtime test -f schema.yaml", &out)
	if !strings.HasPrefix(out.String(), "ok") {
		t.Errorf("the file with a schema: %s", out.String())
	}
}

// words are those of a command line, of which a quoted one has no quotes in it.
var words = regexp.MustCompile(`'[^']*'|\S+`)

// typeCommand runs `realtime …` in this process. What the program prints of an error follows.
func typeCommand(t *testing.T, line string, out *bytes.Buffer) {
	t.Helper()
	args := words.FindAllString(line, -1)
	for i := range args {
		args[i] = strings.Trim(args[i], "'")
	}
	if len(args) < 2 || args[0] != "realtime" {
		t.Fatalf("what is %q?", line)
	}
	root := command()
	root.SetArgs(args[1:])
	root.SetOut(out)
	if err := root.ExecuteContext(t.Context()); err != nil {
		exit(out, err)
	}
}

func TestExitCodes(t *testing.T) {
	t.Chdir("gateway/scenario/testdata")
	for line, want := range map[string]int{
		"test -f team_test.yaml --run ^a.client.answers":                  0,
		"test team_test.yaml --run ^a.client.answers --coverage --json":   0,
		"test -f team_test.yaml --run ^a.client.answers --min 99":         1,
		"test -f failing_test.yaml":                                       1,
		"test -f refused.yaml":                                            2,
		"test -f none.yaml":                                               2,
		"test -f team_test.yaml --run (":                                  2,
		"test":                                                            2,
		"test --schema":                                                   0,
		"why -f team.yaml connect":                                        0,
		"why -f team.yaml --namespace /team connect":                      1,
		"why -f team.yaml --namespace /team --user ada --data {} connect": 0,
		"why -f team.yaml --data [] connect":                              2,
		"why -f team.yaml --as none.json connect":                         2,
		"why -f none.yaml connect":                                        2,
		"why -f team.yaml paint it":                                       2,
		"why -f asked.yaml --namespace /web connect":                      1,
		"why -f asked.yaml --namespace /nowhere connect":                  1,
		"why connect":                                                     1, // cobra's
	} {
		var out bytes.Buffer
		root := command()
		root.SetArgs(strings.Fields(line))
		root.SetOut(&out)
		root.SetErr(&out)
		code := 0
		if err := root.ExecuteContext(t.Context()); err != nil {
			code = exit(&out, err)
		}
		if code != want {
			t.Errorf("%s: exit code %d, want %d:\n%s", line, code, want, out.String())
		}
	}
	if code := exit(&bytes.Buffer{}, errors.New("any")); code != 1 {
		t.Errorf("exit code %d", code)
	}
}

// TestSecretsOfAQuestion has a token that a folder lists, as for realtime dev.
func TestSecretsOfAQuestion(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "devices"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "devices", "sensor"), []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	root := command()
	root.SetArgs([]string{"why", "-f", "gateway/scenario/testdata/team.yaml", "--entry", "devices", "--token", "0123456789abcdef", "--secrets", dir, "connect"})
	root.SetOut(&out)
	if err := root.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), `as the user "sensor" of devices`) {
		t.Errorf("error %v\n%s", err, out.String())
	}

	out.Reset()
	root = command()
	root.SetArgs([]string{"why", "-f", "gateway/scenario/testdata/team.yaml", "--entry", "devices", "--token", "0123456789abcdef", "connect"})
	root.SetOut(&out)
	if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(out.String(), "name the folder with --secrets") {
		t.Errorf("without Secrets: error %v\n%s", err, out.String())
	}
}
