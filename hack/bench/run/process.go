// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const readyWithin = 30 * time.Second

// process is a server or a broker.
type process struct {
	command *exec.Cmd
	said    string // until it was ready
}

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
	p := &process{command: command}
	awaited := make(chan error, 1)
	go func() { // ends with the process
		defer output.Close()
		var err error
		p.said, err = await(output, ready)
		awaited <- err
		_, _ = io.Copy(io.Discard, output) // a program must not block on what it prints
	}()
	select {
	case err = <-awaited:
	case <-time.After(readyWithin):
		err = fmt.Errorf("it is not ready after %v", readyWithin)
	}
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("start %s: %w", strings.Join(args, " "), err)
	}
	return p, nil
}

// await reads until a line says that the program is ready, and returns all that was said by then.
func await(output io.Reader, ready string) (string, error) {
	var all strings.Builder
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), ready) {
			return all.String(), nil
		}
	}
	return "", fmt.Errorf("it ends without being ready: %s", all.String())
}

func (p *process) pid() string { return strconv.Itoa(p.command.Process.Pid) }

// find is what the group of a pattern matches in what the program has said.
func (p *process) find(pattern *regexp.Regexp) (string, error) {
	match := pattern.FindStringSubmatch(p.said)
	if match == nil {
		return "", fmt.Errorf("%s does not say its port, as %s: %s", p.command.Path, pattern, p.said)
	}
	return match[1], nil
}

// stop kills: no server here has anything to save.
func (p *process) stop() {
	_ = p.command.Process.Kill() // it may have ended
	_ = p.command.Wait()
}
