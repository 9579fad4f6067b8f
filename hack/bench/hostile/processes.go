// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// newServer answers echo with what came.
func newServer() (*socketio.Server, error) {
	io, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		return nil, err
	}
	io.OnConnection(func(socket *socketio.Socket) {
		socket.On("echo", func(ev *socketio.Event) {
			if ev.NeedsAck() {
				_ = ev.Ack(ev.Args) // fails if the client has gone
				return
			}
			_ = socket.EmitArgs("echo", ev.Args) // the same
		})
	})
	return io, nil
}

// serveUntil is the server's process: it tells its address, and ends with its input. It takes requests as gateways do.
func serveUntil(ctx context.Context, input io.Reader, output io.Writer) error {
	server, err := newServer()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	go func() {
		defer stop()
		_, _ = io.Copy(io.Discard, input) // its end is all that it says
	}()
	if _, err = fmt.Fprintln(output, l.Addr()); err == nil {
		err = gateway.Serve(ctx, l, server)
	}
	return errors.Join(err, server.Close())
}

// serverProcess is a server in a process of its own.
type serverProcess struct {
	address string
	command *exec.Cmd
	input   io.Closer
}

func startServer(ctx context.Context) (*serverProcess, error) {
	command, err := self(ctx, roleServe)
	if err != nil {
		return nil, err
	}
	input, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	s := &serverProcess{command: command, input: input}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("the server does not tell its address: %w", err)
	}
	s.address = strings.TrimSpace(line)
	return s, nil
}

func (s *serverProcess) stop() {
	s.input.Close()
	_ = s.command.Wait() // what it was for is over
}

// memory is the server's resident set, in MiB.
func (s *serverProcess) memory() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the server's memory: %w", err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	var kibibytes float64
	if _, err := fmt.Sscan(after, &kibibytes); err != nil {
		return 0, fmt.Errorf("read the server's memory: %w", err)
	}
	return kibibytes / 1024, nil
}

type attackResult struct {
	count int
	err   error
}

// startAttack runs a load in a process of its own, and waits for its end.
func startAttack(ctx context.Context, duration time.Duration, name, address string) attackResult {
	command, err := self(ctx, "--for", duration.String(), roleAttack, name, address)
	if err != nil {
		return attackResult{err: err}
	}
	output, err := command.Output()
	if err != nil {
		return attackResult{err: fmt.Errorf("attack: %w", err)}
	}
	var r attackResult
	if _, err := fmt.Sscan(string(output), &r.count); err != nil {
		r.err = fmt.Errorf("read what the attacker did: %w", err)
	}
	return r
}

func self(ctx context.Context, args ...string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	command := exec.CommandContext(ctx, program, args...)
	command.Stderr = os.Stderr
	return command, nil
}
