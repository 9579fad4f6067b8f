// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// node is the first process of the node, in namespaces of its own: when it ends, the kernel ends
// all processes of the node, and with them go its mounts, links, routes and filter rules. It starts
// the components and ends when one of them does.
func node() error {
	if os.Getpid() != 1 {
		return errors.New("this is for up alone")
	}
	// Up closes the pipe when it has put the link into this network namespace.
	if _, err := io.Copy(io.Discard, os.NewFile(3, "link")); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(nodeName)); err != nil {
		return fmt.Errorf("naming the node: %w", err)
	}
	if err := mountAll(); err != nil {
		return err
	}
	if err := connect(); err != nil {
		return err
	}
	s := &supervisor{running: map[int]component{}}
	go s.startAll()
	return s.reap()
}

// mountAll gives the node folders of its own where daemons keep what they keep, and leaves the
// host's alone.
func mountAll() error {
	var errs []error
	mount := func(source, target, kind string, flags uintptr) {
		if err := syscall.Mount(source, target, kind, flags, ""); err != nil {
			errs = append(errs, fmt.Errorf("mounting %s: %w", target, err))
		}
	}
	mkdir := func(name string) string {
		errs = append(errs, os.MkdirAll(inState(name), 0o700))
		return inState(name)
	}
	mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE)
	mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC)

	// A fresh sysfs shows the links of this network namespace, but lacks what is mounted in it.
	cgroups := mkdir("mnt/cgroup")
	mount("/sys/fs/cgroup", cgroups, "", syscall.MS_BIND|syscall.MS_REC)
	mount("sysfs", "/sys", "sysfs", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC)
	mount(cgroups, "/sys/fs/cgroup", "", syscall.MS_MOVE)

	mount("tmpfs", "/var/lib", "tmpfs", 0)
	mount("tmpfs", "/var/log", "tmpfs", 0)
	run := mkdir("mnt/run")
	mount("tmpfs", run, "tmpfs", 0)
	inRun := mkdir("mnt/run/" + filepath.Base(state))
	mount(state, inRun, "", syscall.MS_BIND)
	mount(run, filepath.Dir(state), "", syscall.MS_MOVE)

	// The kubelet wants settings of the whole kernel to be as these; it finds them so, and the
	// host's stay as they are.
	mkdir("sysctl")
	for name, value := range map[string]string{
		"vm/overcommit_memory":      "1",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/keys/root_maxbytes": "25000000",
	} {
		target := filepath.Join("/proc/sys", name)
		if _, err := os.Stat(target); err != nil {
			continue // not every kernel has it
		}
		file := inState("sysctl/" + filepath.Base(name))
		errs = append(errs, os.WriteFile(file, []byte(value+"\n"), 0o600))
		mount(file, target, "", syscall.MS_BIND)
	}
	// Mounts in a pod's volumes must reach its containers. This stays within the node, since / is
	// private since above.
	mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED)
	return errors.Join(errs...)
}

// connect sets up the node's network: its end of the link, and routing between the link and pods.
func connect() error {
	for _, args := range []string{
		"link set lo up",
		"address add " + nodeAddress + linkBits + " dev eth0",
		"link set eth0 up",
		// The node has no other way out: without this one, a ClusterIP were unreachable before
		// kube-proxy's rules see it.
		"route add " + serviceRange + " dev eth0",
	} {
		if err := ip(args); err != nil {
			return err
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

func ip(args string) error {
	output, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", args, err, output)
	}
	return nil
}

// supervisor starts the components, and waits for them and for all that lose their parents to the
// first process. It does without os/exec, which would wait for its own children and find them gone.
type supervisor struct {
	mu      sync.Mutex
	running map[int]component // by process; guarded by mu
}

func (s *supervisor) startAll() {
	for _, c := range components {
		if !c.afterAPI {
			s.start(c)
		}
	}
	awaitAPI()
	for _, c := range components {
		if c.afterAPI {
			s.start(c)
		}
	}
}

func (s *supervisor) start(c component) {
	// The lock is held until the process has its name here, or reap might find one that ends at
	// once and not know it.
	s.mu.Lock()
	defer s.mu.Unlock()
	log, err := os.OpenFile(logOf(c.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		fatal("%v", err)
	}
	defer log.Close()
	path := inState("bin/" + c.name)
	process, err := syscall.ForkExec(path, append([]string{c.name}, c.args...), &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, log.Fd(), log.Fd()},
	})
	if err != nil {
		fatal("starting %s: %v", c.name, err)
	}
	s.running[process] = c
}

func (s *supervisor) reap() error {
	for {
		var status syscall.WaitStatus
		process, err := syscall.Wait4(-1, &status, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if errors.Is(err, syscall.ECHILD) { // nothing runs yet
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err != nil {
			return fmt.Errorf("waiting for the components: %w", err)
		}
		s.mu.Lock()
		c, ours := s.running[process]
		delete(s.running, process)
		s.mu.Unlock()
		if !ours {
			continue // a child of a component that has ended
		}
		if c.again {
			time.AfterFunc(200*time.Millisecond, func() { s.start(c) })
			continue
		}
		name := c.name
		if err := os.WriteFile(inState("ended"), []byte(name), 0o600); err != nil {
			say("%v", err)
		}
		if status.Signaled() {
			return fmt.Errorf("%s was ended by the signal %v", name, status.Signal())
		}
		return fmt.Errorf("%s ended with status %d", name, status.ExitStatus())
	}
}

// awaitAPI returns when the API server is ready. There is no limit here: up has one.
func awaitAPI() {
	authority := x509.NewCertPool()
	ca, err := os.ReadFile(inState("pki/ca.crt"))
	if err != nil {
		fatal("%v", err)
	}
	authority.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority}}, Timeout: time.Second}
	defer client.CloseIdleConnections()
	for {
		if response, err := client.Get(apiServer + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func fatal(format string, args ...any) {
	say(format, args...)
	os.Exit(1)
}
