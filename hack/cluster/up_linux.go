// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// upLimit is for all but building. It takes 10 seconds on two cores; a machine that is busy may
// take some times as long.
const upLimit = 3 * time.Minute

func up(ctx context.Context, b *builder) error {
	if os.Geteuid() != 0 {
		return errors.New("up needs root")
	}
	if err := checkTools(); err != nil {
		return err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	unlock, err := lock(state)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(inState("ready")); err == nil && nodeProcess() != 0 {
		return nil
	}
	// Something may be left of a cluster that ended by itself, or that was never ready.
	if err := removeNode(); err != nil {
		return err
	}
	if err := clearState(); err != nil {
		return err
	}

	paths, err := b.build(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, upLimit)
	defer cancel()
	if err := bringUp(ctx, paths); err != nil {
		tellLogs()
		return errors.Join(err, removeNode())
	}
	say("up after %.1fs; KUBECONFIG=%s", time.Since(start).Seconds(), inState("admin.kubeconfig"))
	return os.WriteFile(inState("ready"), nil, 0o600)
}

func checkTools() error {
	missing := []string{}
	for _, tool := range []string{"ip", "nft", "conntrack", "runc", filepath.Join(cniPlugins, "ptp")} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, tool)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("no %s: run hack/cluster/install-deps.sh", strings.Join(missing, ", "))
	}
	return nil
}

func bringUp(ctx context.Context, paths map[string]string) error {
	if err := writeState(); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	if err := errors.Join(os.Mkdir(inState("bin"), 0o700), os.Mkdir(inState("log"), 0o700)); err != nil {
		return err
	}
	for name, path := range paths {
		if err := os.Symlink(path, inState("bin/"+name)); err != nil {
			return err
		}
	}
	if err := writeImage(inState("pause.tar"), pauseImage, paths["pause"]); err != nil {
		return err
	}
	if err := makeCgroups(); err != nil {
		return err
	}
	ended, err := startNode(ctx)
	if err != nil {
		return err
	}
	for _, step := range steps {
		if err := await(ctx, ended, step); err != nil {
			return err
		}
	}
	return nil
}

// startNode starts the first process of the node in namespaces of its own, and links it with the
// host. The channel is closed when it ends.
func startNode(ctx context.Context) (ended <-chan struct{}, err error) {
	log, err := os.Create(logOf(nodeCommand))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	wait, linked, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer linked.Close()
	defer wait.Close()

	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, nodeCommand)
	// No proxy of the host's environment is of use for addresses that this host alone reaches.
	command.Env = []string{"HOME=" + inState("home"), "PATH=" + inState("bin") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	command.Dir = "/"
	command.Stdout, command.Stderr = log, log
	command.ExtraFiles = []*os.File{wait}
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Setsid:     true, // it outlives up, and what ends up's terminal
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting the node: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = command.Wait() // how it ended is in its log
	}()

	process := command.Process.Pid
	if err := writeProcess(process); err != nil {
		return nil, errors.Join(err, command.Process.Kill())
	}
	for _, args := range []string{
		fmt.Sprintf("link add %s type veth peer name eth0 netns %d", hostLink, process),
		"address add " + hostAddress + linkBits + " dev " + hostLink,
		"link set " + hostLink + " up",
		"route add " + podRange + " via " + nodeAddress,
		"route add " + serviceRange + " via " + nodeAddress,
	} {
		if err := ip(args); err != nil {
			return nil, err
		}
	}
	return done, ctx.Err()
}
