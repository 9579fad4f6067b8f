// SPDX-License-Identifier: Apache-2.0

// Package memory has a process keep to the memory of its container, and use it.
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

// Limit has Go's garbage collector keep to the memory limit of the container, if that has one and
// the environment does not set GOMEMLIMIT: Go knows no limit by itself, and lets the heap double
// before it collects. The limit is that of the control group that root (/sys/fs/cgroup) shows,
// whoever has set it: the manifest, a LimitRange, or an autoscaler.
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

// parts is how many parts of equal size the garbage collector's limit is divided into. The
// histories of rooms may take one, and what presence shows of members another one.
const parts = 8

// Part is one such part, in bytes; 0, for a default, if there is no limit.
func Part() int { return part(debug.SetMemoryLimit(-1)) }

func part(limit int64) int {
	if limit == math.MaxInt64 {
		return 0
	}
	return int(limit / parts)
}

// containerMemory is the memory limit of the container in bytes: that of version 2 of control
// groups, or of version 1.
func containerMemory(root fs.FS) (limit int64, ok bool) {
	for _, name := range []string{"memory.max", path.Join("memory", "memory.limit_in_bytes")} {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			continue
		}
		// Version 2 says "max" where there is no limit, version 1 a number beyond all memory.
		limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && limit > 0 && limit < math.MaxInt64/2 {
			return limit, true
		}
	}
	return 0, false
}
