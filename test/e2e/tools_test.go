//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// setting is an environment variable that `make e2e` sets.
func setting(t *testing.T, variable string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		t.Fatalf("%s is not set: run `make e2e`", variable)
	}
	return value
}

// kubectl runs kubectl and returns what it says, or ends the test.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	output, err := tryKubectl(t, "", args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

// tryKubectl runs kubectl with a manifest on standard input; output has its errors too.
func tryKubectl(t *testing.T, manifest string, args ...string) (string, error) {
	t.Helper()
	return run(setting(t, "KUBECTL"), manifest, args...)
}

func helm(t *testing.T, args ...string) string {
	t.Helper()
	output, err := run(setting(t, "HELM"), "", args...)
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

func run(program, input string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, program, args...)
	command.Stdin = strings.NewReader(input)
	output, err := command.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.Join(err, ctx.Err())
	}
	return strings.TrimSpace(string(output)), err
}

// pollEvery is the pace of eventually. What it looks at is a cluster, which tells nobody.
const pollEvery = 100 * time.Millisecond

// eventually waits until look finds nothing amiss, and says what was last amiss if that takes
// longer than limit.
func eventually(t *testing.T, limit time.Duration, what string, look func() error) {
	t.Helper()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	start := time.Now()
	for {
		err := look()
		if err == nil {
			t.Logf("%s after %v", what, time.Since(start).Round(10*time.Millisecond))
			return
		}
		if time.Since(start) > limit {
			t.Fatalf("not within %v: %s: %v", limit, what, err)
		}
		<-ticker.C
	}
}

// want is an error unless got is as wanted.
func want[T comparable](what string, got, wanted T) error {
	if got != wanted {
		return fmt.Errorf("%s is %v, want %v", what, got, wanted)
	}
	return nil
}
