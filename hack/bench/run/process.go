// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	readyWithin = 30 * time.Second
	loadWithin  = 3 * time.Minute
)

// process is a server or a broker.
type process struct{ command *exec.Cmd }

// start runs a program and waits until it says that it is ready.
func start(ctx context.Context, dir, ready string, args []string) (*process, error) {
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Dir = dir
	output, input, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	command.Stdout, command.Stderr = input, input
	err = command.Start()
	input.Close()
	if err != nil {
		output.Close()
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	p := &process{command}
	said := make(chan error, 1)
	go func() { // ends with the process
		defer output.Close()
		said <- await(output, ready)
		_, _ = io.Copy(io.Discard, output) // a program must not block on what it prints
	}()
	select {
	case err = <-said:
	case <-time.After(readyWithin):
		err = fmt.Errorf("it is not ready after %v", readyWithin)
	}
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("start %s: %w", strings.Join(args, " "), err)
	}
	return p, nil
}

// await reads until a line says that the program is ready. Its error tells what was said instead.
func await(output io.Reader, ready string) error {
	var all bytes.Buffer
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if strings.Contains(lines.Text(), ready) {
			return nil
		}
		all.WriteString(lines.Text() + "\n")
	}
	return fmt.Errorf("it ends without being ready: %s", all.Bytes())
}

// stop kills: no server here has anything to save.
func (p *process) stop() {
	_ = p.command.Process.Kill() // it may have ended
	_ = p.command.Wait()
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// stack is a peer as it runs.
type stack struct {
	processes            []*process
	addrs, pids, brokers []string
}

func (s *stack) stop() {
	for _, p := range s.processes {
		p.stop()
	}
}

func (s *stack) start(ctx context.Context, dir, ready string, args []string) (pid string, err error) {
	p, err := start(ctx, dir, ready, args)
	if err != nil {
		return "", err
	}
	s.processes = append(s.processes, p)
	return fmt.Sprint(p.command.Process.Pid), nil
}

func startPeer(ctx context.Context, dir string, p peer) (s *stack, err error) {
	started := &stack{}
	defer func() {
		if err != nil {
			started.stop()
		}
	}()
	ports := make([]int, 1+2*p.servers)
	for i := range ports {
		if ports[i], err = freePort(); err != nil {
			return nil, err
		}
	}
	if p.broker != "" {
		command, ready := brokerCommand(p.broker, ports[0])
		pid, err := started.start(ctx, dir, ready, command)
		if err != nil {
			return nil, err
		}
		started.brokers = append(started.brokers, pid)
	}
	for i := range p.servers {
		port := ports[1+2*i]
		pid, err := started.start(ctx, dir, p.ready, p.command(port, ports[2+2*i], ports[0]))
		if err != nil {
			return nil, err
		}
		started.pids = append(started.pids, pid)
		started.addrs = append(started.addrs, fmt.Sprintf("127.0.0.1:%d", port))
	}
	return started, nil
}

// measure runs a suite against fresh processes.
func measure(ctx context.Context, o options, s suite, p peer) (measurement, error) {
	servers, err := startPeer(ctx, o.root, p)
	if err != nil {
		return measurement{}, err
	}
	defer servers.stop()
	ctx, cancel := context.WithTimeout(ctx, loadWithin)
	defer cancel()
	args := append(s.args(), "-protocol", p.protocol, "-duration", o.duration.String(), "-addr", strings.Join(servers.addrs, ","),
		"-pid", strings.Join(servers.pids, ","), "-broker-pid", strings.Join(servers.brokers, ","))
	load := exec.CommandContext(ctx, "dist/load", args...)
	load.Dir = o.root
	var errors bytes.Buffer
	load.Stderr = &errors
	output, err := load.Output()
	if err != nil {
		return measurement{}, fmt.Errorf("load: %w: %s", err, errors.Bytes())
	}
	m := measurement{Name: s.name, Peer: p.name}
	if err := json.Unmarshal(output, &m.result); err != nil {
		return m, fmt.Errorf("read what load prints: %w", err)
	}
	return m, nil
}
