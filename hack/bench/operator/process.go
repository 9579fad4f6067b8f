// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is the operator at work.
type process struct{ command *exec.Cmd }

// startOperator starts the operator. Its webhook is not used: it would be asked by whoever creates
// services.
func startOperator(program string, c *cluster) (*process, error) {
	log, err := os.Create(c.kubeconfig + ".log")
	if err != nil {
		return nil, fmt.Errorf("write the operator's log: %w", err)
	}
	defer log.Close()
	command := exec.Command(program, "operator", "--gateway-image=gateway:test", "--nats-image=nats:test", "--leader-elect",
		"--metrics-bind-address=0", "--health-probe-bind-address=0", "--webhook-port=0")
	command.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig, "POD_NAMESPACE="+namespace)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return &process{command}, nil
}

func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the operator: %w", err)
	}
	var ended *exec.ExitError
	if err := p.command.Wait(); err != nil && !errors.As(err, &ended) {
		return fmt.Errorf("stop the operator: %w", err)
	}
	return nil
}

// ticks is how often the kernel counts in a second, on all processors that Go runs on.
const ticks = 100

// cpu is the processor time that the operator has taken.
func (p *process) cpu() (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the operator's processor time: %w", err)
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+2:]))
	var sum time.Duration
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("read the operator's processor time: %w", err)
		}
		sum += time.Duration(n) * time.Second / ticks
	}
	return sum, nil
}

// memory is the operator's memory in MiB: of now, and the most that it ever was.
func (p *process) memory() (now, most float64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the operator's memory: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		var kib float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kib); err == nil {
			now = kib / 1024
		}
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kib); err == nil {
			most = kib / 1024
		}
	}
	return now, most, nil
}

// await waits until something is true.
func await(ctx context.Context, what string, most time.Duration, is func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if done, err := is(); done || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		}
	}
}
