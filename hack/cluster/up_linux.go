// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// upLimit is for all but building. It takes 10 seconds on two cores; a machine that is busy may take some times as long.
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

// startNode starts the first process of the node in namespaces of its own, and links it with the host.
// The channel is closed when it ends.
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

// step is tried until it finds nothing amiss.
type step struct {
	what string
	try  func(ctx context.Context) error
}

var steps = []step{
	{"containerd takes the image of pauses", func(ctx context.Context) error { return importImage(ctx, inState("pause.tar")) }},
	{"the API server is ready", func(ctx context.Context) error { return kubectl(ctx, nil, "get", "--raw=/readyz") }},
	{"it takes the Services of DNS and metrics", func(ctx context.Context) error {
		return kubectl(ctx, nil, "apply", "--filename="+inState("services.yaml"))
	}},
	{"the node is ready", condition("node/"+nodeName, "Ready")},
	{"pods have an account", func(ctx context.Context) error {
		return kubectl(ctx, nil, "get", "serviceaccount", "--namespace=default", "default")
	}},
	{"DNS answers", func(ctx context.Context) error {
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, dnsAddress+":53")
		}}
		_, err := resolver.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
		return err
	}},
	{"metrics are to be had", condition("apiservice/v1beta1.metrics.k8s.io", "Available")},
}

// await tries a step again and again, as long as the node runs.
func await(ctx context.Context, ended <-chan struct{}, s step) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := s.try(try)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return errors.New("the node has ended")
		case <-ctx.Done():
			return fmt.Errorf("%w before %s: %w", ctx.Err(), s.what, err)
		case <-ticker.C:
		}
	}
}

func kubectl(ctx context.Context, output *bytes.Buffer, args ...string) error {
	var combined bytes.Buffer
	command := exec.CommandContext(ctx, inState("bin/kubectl"), append([]string{"--kubeconfig=" + inState("admin.kubeconfig")}, args...)...)
	command.Env = []string{"HOME=" + inState("home")} // kubectl keeps a cache there
	command.Stdout, command.Stderr = &combined, &combined
	if output != nil {
		command.Stdout = output
	}
	if err := command.Run(); err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(combined.Bytes()))
	}
	return nil
}

// condition finds amiss that a condition of an object is not true.
func condition(object, kind string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		var output bytes.Buffer
		if err := kubectl(ctx, &output, "get", object, "--output=json"); err != nil {
			return err
		}
		var found struct {
			Status struct {
				Conditions []struct{ Type, Status, Message string }
			}
		}
		if err := json.Unmarshal(output.Bytes(), &found); err != nil {
			return err
		}
		for _, c := range found.Status.Conditions {
			if c.Type == kind && c.Status == "True" {
				return nil
			}
			if c.Type == kind {
				return fmt.Errorf("%s is not %s: %s", object, kind, c.Message)
			}
		}
		return fmt.Errorf("%s has no condition %s", object, kind)
	}
}

func load(ctx context.Context, archives []string) error {
	if nodeProcess() == 0 {
		return errors.New("no cluster is up")
	}
	for _, archive := range archives {
		if err := importImage(ctx, archive); err != nil {
			return err
		}
	}
	return nil
}

func importImage(ctx context.Context, archive string) error {
	// The socket is of the node, but its path is one that host and node share. The host's namespaces suffice to read the archive.
	command := exec.CommandContext(ctx, inState("bin/ctr"), "--address="+inState("containerd.sock"), "--namespace=k8s.io", "images", "import", archive)
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("importing %s: %w: %s", archive, err, output)
	}
	return nil
}

func printKubeconfig() error {
	if nodeProcess() == 0 {
		return errors.New("no cluster is up")
	}
	fmt.Println(inState("admin.kubeconfig"))
	return nil
}

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
		// On v2 a parent hands on each controller by itself. Which there are differs, and the kubelet says what it lacks.
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

// writeProcess keeps which process is the first of the node. Its number may be another's one day, so its start is kept too.
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

// processStart tells processes of one number apart. It is empty if there is none, or if it has ended and waits for its parent.
func processStart(process int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		return ""
	}
	// The second field is a name in brackets, which may have blanks and brackets itself. State, threads and start are fields 3,
	// 20 and 22. A zombie with threads has not ended: one of them is still ending the processes of the namespace.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const state, threads, start = 0, 17, 19
	if len(fields) <= start || fields[state] == "X" || fields[state] == "Z" && (fields[threads] == "0" || fields[threads] == "1") {
		return ""
	}
	return fields[start]
}

func logOf(name string) string { return inState("log/" + name + ".log") }

// tellLogs shows why the node ended or is not ready: the end of its own log, and of that of the component that ended, or of all.
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
