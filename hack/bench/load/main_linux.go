// SPDX-License-Identifier: Apache-2.0

// Command load puts load on a Socket.IO server, or on a peer with another protocol, and measures
// what a delivery costs it. All its clients are in one thread that waits by epoll, and it looks for
// stamps instead of parsing, so that it takes less than any server that it measures. It prints its
// result as a line of JSON, and fails if it could not do what was asked.
//
//	load -suite broadcast -addr 127.0.0.1:3000 -pid $(pidof realtime) -clients 1000 -w 8
//
// Suites: broadcast and rooms are closed loops, in which each sender sends once all have its last
// message; fixed and fixed-rooms are open ones; echo has each client's event acknowledged; idle
// connects and does nothing; accept connects.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

func main() {
	// One thread for clients and the least for garbage, which is little: the other cores are the
	// server's.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if err := allowFiles(o.clients + 100); err != nil {
		return err
	}
	suite, ok := suites[o.suite]
	if !ok {
		return fmt.Errorf("-suite %s: it is broadcast, rooms, fixed, fixed-rooms, echo, idle or accept", o.suite)
	}
	l, err := newLoop(o)
	if err != nil {
		return err
	}
	defer l.close()
	r, err := suite(l, o)
	if err != nil {
		return fmt.Errorf("%s: %w", o.suite, err)
	}
	if l.inflater != nil {
		if r.Compressed = l.inflater.frames; r.Compressed == 0 {
			return fmt.Errorf("%s: no message came compressed", o.suite)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// allowFiles raises the limit of open files as far as it goes.
func allowFiles(count int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if limit.Max < uint64(count) {
		return fmt.Errorf("%d open files are needed, and %d are allowed: ulimit -Hn", count, limit.Max)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raise the limit of open files: %w", err)
	}
	return nil
}
