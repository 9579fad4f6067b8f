// SPDX-License-Identifier: Apache-2.0

// Package machine describes what a benchmark ran on.
package machine

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Describe names the processor and its cores, and the versions of Linux, Go and Node.
func Describe() string {
	version := func(command ...string) string {
		output, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			return command[0] + " unknown"
		}
		return strings.TrimSpace(string(output))
	}
	model := "unknown processor"
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(data), "model name\t: "); ok {
			model, _, _ = strings.Cut(after, "\n")
		}
	}
	return fmt.Sprintf("%d cores of %s, Linux %s, %s, Node %s", runtime.NumCPU(), model, version("uname", "-r"), runtime.Version(), version("node", "--version"))
}
