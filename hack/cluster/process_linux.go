// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// writeProcess keeps which process is the first of the node. Its number may be another's one day,
// so its start is kept too.
func writeProcess(process int) error {
	start := processStart(process)
	return os.WriteFile(inState("process"), fmt.Appendf(nil, "%d %s", process, start), 0o600)
}

// nodeProcess is the first process of the node, or 0 if it does not run.
func nodeProcess() int {
	content, err := os.ReadFile(inState("process"))
	if err != nil {
		return 0
	}
	number, start, _ := strings.Cut(string(content), " ")
	process, err := strconv.Atoi(number)
	if err != nil || start == "" || processStart(process) != start {
		return 0
	}
	return process
}

// processStart tells processes of one number apart. It is empty if there is none, or if it has
// ended and waits for its parent.
func processStart(process int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		return ""
	}
	// The second field is a name in brackets, which may have blanks and brackets itself. State,
	// threads and start are fields 3, 20 and 22. A zombie with threads has not ended: one of them
	// is still ending the processes of the namespace.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const state, threads, start = 0, 17, 19
	if len(fields) <= start || fields[state] == "X" || fields[state] == "Z" && (fields[threads] == "0" || fields[threads] == "1") {
		return ""
	}
	return fields[start]
}
