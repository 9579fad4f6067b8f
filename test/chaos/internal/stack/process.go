// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	// startPatience is how long a process may take to be ready.
	startPatience = time.Minute
	// readyInterval is the time between two questions whether it is.
	readyInterval = 20 * time.Millisecond
)

// command is a process to be.
type command struct {
	name string
	path string
	args []string
	env  []string
	// ready is an http:// URL that answers 200, or a host:port that takes connections.
	ready string
}

// Process is a process that runs. Stop and Kill are for one goroutine at a time.
type Process struct {
	// Name is what logs call it, and its log file.
	Name  string
	ready string // as of the command
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // once ended is closed
}

// start runs a command, with its output in a file of the folder, and waits until it is ready.
func start(ctx context.Context, dir string, c command) (*Process, error) {
	out, err := os.OpenFile(filepath.Join(dir, c.name+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", c.name, err)
	}
	defer out.Close()
	p := &Process{Name: c.name, ready: c.ready, cmd: exec.Command(c.path, c.args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), c.env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	// A harness that is killed leaves nothing behind.
	p.cmd.SysProcAttr = DeathSignal()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	if err := p.Await(ctx); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// Await waits until the process is ready.
func (p *Process) Await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		if isReady(ctx, p.ready) {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was ready: %w", p.Name, p.err)
		case <-ctx.Done():
			return fmt.Errorf("wait for %s at %s: %w", p.Name, p.ready, ctx.Err())
		case <-time.After(readyInterval):
		}
	}
}

func isReady(ctx context.Context, ready string) bool {
	if _, _, err := net.SplitHostPort(ready); err == nil {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", ready)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ready, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

var errOverstayed = errors.New("it had to be killed")

// Stop asks the process to end and waits for it; one that takes longer than patience is killed, as
// Kubernetes does it, and the error is errOverstayed.
func (p *Process) Stop(patience time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.Name, err)
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-p.ended:
		return nil
	case <-t.C:
		p.Kill()
		return fmt.Errorf("stop %s: it has not ended within %v: %w", p.Name, patience, errOverstayed)
	}
}

// Kill ends the process at once.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// Freeze stops the process, and what it has open stays open: to others it is a machine that has
// vanished, which neither answers nor closes.
func (p *Process) Freeze() error { return p.signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on as if no time had passed.
func (p *Process) Thaw() error { return p.signal(syscall.SIGCONT) }

func (p *Process) signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %v to %s: %w", s, p.Name, err)
	}
	return nil
}

// freePorts are below those that the kernel gives to connections: a load test takes any above. All
// are held until the last is found, so that they differ.
func freePorts(count int) ([]int, error) {
	var ports []int
	for range 100 * count {
		port := 10_000 + rand.IntN(22_000)
		l, err := net.Listen("tcp", local(port))
		if err != nil {
			continue
		}
		defer l.Close()
		if ports = append(ports, port); len(ports) == count {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("find %d free ports: there are %d", count, len(ports))
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
