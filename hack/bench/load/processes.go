// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc, the same on all Linux systems that Go runs on.
const tick = 10 * time.Millisecond

// tree are processes and all that descend from them.
type tree []int

// usage is what a tree of processes uses.
type usage struct {
	cpu      time.Duration // user and system
	resident int64         // bytes
}

// usage reads it from /proc. Children that have ended are not in it.
func (t tree) usage() (usage, error) {
	if len(t) == 0 {
		return usage{}, nil
	}
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return usage{}, fmt.Errorf("list processes: %w", err)
	}
	parents, each := map[int]int{}, map[int]usage{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(strings.Split(file, "/")[2]) // the pattern has digits alone
		parents[pid], each[pid] = parseStat(string(data))
	}
	for _, pid := range t {
		if _, ok := each[pid]; !ok {
			return usage{}, fmt.Errorf("process %d has ended", pid)
		}
	}
	var sum usage
	for pid, u := range each {
		if t.has(pid, parents) {
			sum.cpu += u.cpu
			sum.resident += u.resident
		}
	}
	return sum, nil
}

func (t tree) has(pid int, parents map[int]int) bool {
	for ; pid > 1; pid = parents[pid] {
		for _, root := range t {
			if pid == root {
				return true
			}
		}
	}
	return false
}

// parseStat reads proc(5)'s stat. The name of the program, in parentheses, may hold anything.
func parseStat(stat string) (parent int, u usage) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	at := func(i int) int64 {
		n, _ := strconv.ParseInt(fields[i-3], 10, 64) // the kernel writes numbers there
		return n
	}
	return int(at(4)), usage{
		cpu:      time.Duration(at(14)+at(15)) * tick,
		resident: at(24) * int64(os.Getpagesize()),
	}
}
