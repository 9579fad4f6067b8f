// SPDX-License-Identifier: Apache-2.0

// Package child runs a benchmark's own program again, as a server in a process of its own: it tells
// its address, and ends with its input.
package child

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway"
)

// Command is this program with other arguments. What it says on standard error is shown.
func Command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	command := exec.CommandContext(ctx, program, args...)
	command.Stderr = os.Stderr
	return command, nil
}

// Serve is the child's part: it takes requests on loopback, as gateways do, until its input ends.
func Serve(ctx context.Context, h http.Handler, input io.Reader, output io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	go func() {
		defer stop()
		_, _ = io.Copy(io.Discard, input) // its end is all that it says
	}()
	if _, err := fmt.Fprintln(output, l.Addr()); err != nil {
		l.Close()
		return fmt.Errorf("tell the address: %w", err)
	}
	return gateway.Serve(ctx, l, h)
}

// Server is a child that serves.
type Server struct {
	// Address is its host and port.
	Address string
	// PID is its process's id.
	PID int

	command *exec.Cmd
	input   io.Closer
	ended   sync.Once
}

// Start runs this program with the arguments that make it call Serve, and returns when it has told
// its address. The server ends with the context, by Stop or by Kill.
func Start(ctx context.Context, args ...string) (*Server, error) {
	command, err := Command(ctx, args...)
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
	s := &Server{PID: command.Process.Pid, command: command, input: input}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("the server does not tell its address: %w", err)
	}
	s.Address = strings.TrimSpace(line)
	return s, nil
}

// Stop lets it end. Again is harmless, as it is after Kill.
func (s *Server) Stop() {
	s.ended.Do(func() {
		s.input.Close()
		_ = s.command.Wait() // what it was for is over
	})
}

// Kill ends it without a farewell. Again is harmless, as it is after Stop.
func (s *Server) Kill() {
	s.ended.Do(func() {
		_ = s.command.Process.Kill() // it may have ended by itself
		s.input.Close()
		_ = s.command.Wait() // it tells that it was killed
	})
}
