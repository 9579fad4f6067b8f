// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/hack/bench/internal/child"
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
	return errors.Join(child.Serve(ctx, server, input, output), server.Close())
}

// memory is a process's resident set, in MiB.
func memory(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
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
	command, err := child.Command(ctx, "--for", duration.String(), roleAttack, name, address)
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
