// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"
)

func logOf(name string) string { return inState("log/" + name + ".log") }

// tellLogs shows why the node ended or is not ready: the end of its own log, and of that of the
// component that ended, or of all.
func tellLogs() {
	names := []string{nodeCommand}
	if ended, err := os.ReadFile(inState("ended")); err == nil {
		names = append(names, string(ended))
	} else {
		for _, c := range components {
			names = append(names, c.name)
		}
	}
	for _, name := range names {
		content, err := os.ReadFile(logOf(name))
		if err != nil || len(content) == 0 {
			continue
		}
		const lines = 30
		tail := strings.Split(strings.TrimSpace(string(content)), "\n")
		tail = tail[max(0, len(tail)-lines):]
		fmt.Fprintf(os.Stderr, "== the end of %s\n%s\n", logOf(name), strings.Join(tail, "\n"))
	}
}
