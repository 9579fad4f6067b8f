// SPDX-License-Identifier: Apache-2.0

package chaos

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

// process is one that runs. stop and kill are for one goroutine at a time.
type process struct {
	name  string
	ready string // as of the command
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // once ended is closed
}

// start runs a command, with its output in a file of the folder, and waits until it is ready.
func start(ctx context.Context, dir string, c command) (*process, error) {
	out, err := os.OpenFile(filepath.Join(dir, c.name+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", c.name, err)
	}
	defer out.Close()
	p := &process{name: c.name, ready: c.ready, cmd: exec.Command(c.path, c.args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), c.env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	// A harness that is killed leaves nothing behind.
	p.cmd.SysProcAttr = deathSignal()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	if err := p.await(ctx, c.ready); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// await waits until the process is ready.
func (p *process) await(ctx context.Context, ready string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		if isReady(ctx, ready) {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was ready: %w", p.name, p.err)
		case <-ctx.Done():
			return fmt.Errorf("wait for %s at %s: %w", p.name, ready, ctx.Err())
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

// stop asks the process to end and waits for it; one that takes longer than patience is killed, as Kubernetes does it,
// and the error is errOverstayed.
func (p *process) stop(patience time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-p.ended:
		return nil
	case <-t.C:
		p.kill()
		return fmt.Errorf("stop %s: it has not ended within %v: %w", p.name, patience, errOverstayed)
	}
}

// kill ends the process at once.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// freePorts are below those that the kernel gives to connections: a load test takes any above. All are held until the last is
// found, so that they differ.
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
