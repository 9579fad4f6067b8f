// SPDX-License-Identifier: Apache-2.0

// Package memory makes a process respect the memory limit of its container, and use that memory.
package memory

import (
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryShare is the part of a container's memory that Go's heap and stacks may take, in percent.
// The rest is for what Go does not count: the program itself, and buffers of the kernel for its
// connections.
const memoryShare = 90

// Limit makes Go's garbage collector respect the memory limit of the container, if there is one and
// the environment does not set GOMEMLIMIT: by itself Go knows no limit, and lets the heap double
// before it collects. It reads the limit from the control group in root (/sys/fs/cgroup), whether
// the manifest, a LimitRange or an autoscaler has set it.
func Limit(root fs.FS, log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit, ok := containerMemory(root)
	if !ok {
		return
	}
	limit = limit / 100 * memoryShare
	debug.SetMemoryLimit(limit)
	log.Info("the memory limit of the container holds for the garbage collector", "bytes", limit)
}

// parts is the number of equal parts of the garbage collector's limit. The histories of rooms may
// take one, and the infos of presence another one.
const parts = 8

// Part returns the size of one part, in bytes; 0, for a default, if there is no limit.
func Part() int { return part(debug.SetMemoryLimit(-1)) }

func part(limit int64) int {
	if limit == math.MaxInt64 {
		return 0
	}
	return int(limit / parts)
}

// containerMemory returns the memory limit of the container in bytes: that of version 2 of control
// groups, or of version 1.
func containerMemory(root fs.FS) (limit int64, ok bool) {
	for _, name := range []string{"memory.max", path.Join("memory", "memory.limit_in_bytes")} {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			continue
		}
		// Without a limit, version 2 says "max", and version 1 has a number beyond all memory.
		limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && limit > 0 && limit < math.MaxInt64/2 {
			return limit, true
		}
	}
	return 0, false
}
