// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Serve runs a service for a test in another language, which sends a command per line:
//
//	start          starts a gateway; the answer is its URL
//	stop N         SIGTERM for the Nth gateway started, from 0; answered when it has ended
//	kill N         SIGKILL
//	slow N MS      delays the messages of the gateway to the broker by MS milliseconds
//
// The answer is a line too: "ok", with a result if there is one, or "error" with the reason. The
// end of the input ends the service.
func Serve(ctx context.Context, s Stack, dir string, in io.Reader, out io.Writer) (err error) {
	c, err := Start(ctx, s, dir, 0, NewBalancer(false), false)
	defer func() { err = errors.Join(err, c.Close()) }()
	if err != nil {
		return err
	}
	o := &orders{cluster: c}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		answer, err := o.obey(ctx, strings.Fields(lines.Text()))
		if err != nil {
			answer = "error " + strings.ReplaceAll(err.Error(), "\n", "; ")
		} else {
			answer = strings.TrimSpace("ok " + answer)
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	return lines.Err()
}

// orders does what Serve is told.
type orders struct {
	cluster *Cluster
	started []*Gateway
}

func (o *orders) obey(ctx context.Context, words []string) (string, error) {
	if len(words) == 1 && words[0] == "start" {
		g, err := o.cluster.StartGateway(ctx)
		if err != nil {
			return "", err
		}
		o.started = append(o.started, g)
		return "http://" + g.Address, nil
	}
	if len(words) < 2 {
		return "", fmt.Errorf("order %q is not known", words)
	}
	g, err := o.find(words[1])
	if err != nil {
		return "", err
	}
	switch {
	case words[0] == "stop":
		return "", o.leave(g, o.cluster.Stop)
	case words[0] == "kill":
		return "", o.leave(g, o.cluster.Kill)
	case words[0] == "slow" && len(words) == 3 && len(g.wires) > 0:
		ms, err := strconv.Atoi(words[2])
		if err != nil {
			return "", fmt.Errorf("read the delay: %w", err)
		}
		g.wires.slow(time.Duration(ms) * time.Millisecond)
		return "", nil
	}
	return "", fmt.Errorf("order %q is not known", words)
}

func (o *orders) find(number string) (*Gateway, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(o.started) {
		return nil, fmt.Errorf("gateway %q has not been started", number)
	}
	return o.started[n], nil
}

func (o *orders) leave(g *Gateway, end func(*Gateway) error) error {
	for i, other := range o.cluster.Gateways {
		if other == g {
			return o.cluster.Leave(i, end)
		}
	}
	return fmt.Errorf("%s has ended before", g.Name)
}
