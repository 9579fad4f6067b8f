// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// cgroups are the cluster's folders: of cgroup v2 one, of v1 one for each controller.
func cgroups() []string {
	const root = "/sys/fs/cgroup"
	if _, err := os.Stat(root + "/cgroup.controllers"); err == nil {
		return []string{filepath.Join(root, cgroup)}
	}
	controllers, _ := filepath.Glob(root + "/*/cgroup.procs")
	folders := []string{}
	for _, file := range controllers {
		folders = append(folders, filepath.Join(filepath.Dir(file), cgroup))
	}
	return folders
}

func makeCgroups() error {
	for _, folder := range cgroups() {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		// On v2 a parent hands on each controller by itself. Which there are differs, and the
		// kubelet says what it lacks.
		for _, controller := range []string{"cpu", "cpuset", "io", "memory", "pids", "hugetlb"} {
			control := filepath.Join(filepath.Dir(folder), "cgroup.subtree_control")
			_ = os.WriteFile(control, []byte("+"+controller), 0)
		}
	}
	return nil
}

// removeCgroup removes a cgroup and those below it, and says whether it is gone.
func removeCgroup(folder string) bool {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			removeCgroup(filepath.Join(folder, entry.Name()))
		}
	}
	err = syscall.Rmdir(folder)
	return err == nil || errors.Is(err, syscall.ENOENT)
}
