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
	"strconv"
	"strings"
	"sync"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway"
)

const service = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: storm, namespace: default}
spec:
  protocol: {handshakes: {perSecond: %d%s}}
  namespaces: [{name: /}]
`

// serveUntil is a gateway's process: it tells its address, and ends with its input.
func serveUntil(ctx context.Context, s settings, natsURL string, input io.Reader, output io.Writer) error {
	burst := ""
	if s.burst > 0 {
		burst = fmt.Sprintf(", burst: %d", s.burst)
	}
	svc, err := manifest.Load(fmt.Appendf(nil, service, s.perSecond, burst))
	if err != nil {
		return fmt.Errorf("load the service: %w", err)
	}
	g, err := gateway.New(svc, "", gateway.Options{NATSURLs: []string{natsURL}})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), g.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	go func() {
		defer stop()
		_, _ = io.Copy(io.Discard, input) // its end is all that it says
	}()
	if _, err = fmt.Fprintln(output, l.Addr()); err == nil {
		err = gateway.Serve(ctx, l, g.Handler())
	}
	return errors.Join(err, g.Close())
}

// process is a gateway in a process of its own.
type process struct {
	address string
	command *exec.Cmd
	input   io.Closer
	killed  sync.Once
}

func startGateway(ctx context.Context, natsURL string, perSecond, burst int) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	command := exec.CommandContext(ctx, program, "-per-second", strconv.Itoa(perSecond), "-burst", strconv.Itoa(burst), roleServe, natsURL)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a gateway: %w", err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a gateway: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start a gateway: %w", err)
	}
	p := &process{command: command, input: input}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("a gateway does not tell its address: %w", err)
	}
	p.address = strings.TrimSpace(line)
	return p, nil
}

// kill ends it without a farewell. Again is harmless.
func (p *process) kill() {
	p.killed.Do(func() {
		_ = p.command.Process.Kill() // it may have ended by itself
		p.input.Close()
		_ = p.command.Wait() // it tells that it was killed
	})
}
