// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

func down(context.Context) error {
	if _, err := os.Stat(state); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := lock(state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another has done it meanwhile
	}
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(inState("ready")); err == nil && nodeProcess() == 0 {
		say("the cluster had ended by itself")
		tellLogs()
	}
	if err := removeNode(); err != nil {
		return err
	}
	return os.RemoveAll(state)
}

// clearState empties the folder, which must stay since it is locked.
func clearState() error {
	entries, err := os.ReadDir(state)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(inState(entry.Name())))
	}
	return err
}

// removeNode ends the node and removes what is left of it outside of its namespaces.
func removeNode() error {
	if process := nodeProcess(); process != 0 {
		if err := syscall.Kill(process, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("ending the node: %w", err)
		}
		// The kernel ends the first process of a namespace when all others in it have ended.
		if err := within(30*time.Second, func() bool { return nodeProcess() == 0 }); err != nil {
			return fmt.Errorf("the node's process %d: %w", process, err)
		}
	}
	if _, err := net.InterfaceByName(hostLink); err == nil {
		// It goes by itself too, some time after the node's network namespace; that may be now.
		if err := ip("link delete " + hostLink); err != nil {
			if _, gone := net.InterfaceByName(hostLink); gone == nil {
				return err
			}
		}
	}
	for _, folder := range cgroups() {
		if err := within(10*time.Second, func() bool { return removeCgroup(folder) }); err != nil {
			return fmt.Errorf("the cgroup %s: %w", folder, err)
		}
	}
	return nil
}

func within(limit time.Duration, done func() bool) error {
	for start := time.Now(); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > limit {
			return fmt.Errorf("is still there after %v", limit)
		}
	}
	return nil
}
