// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"
)

// step is tried until it finds nothing amiss.
type step struct {
	what string
	try  func(ctx context.Context) error
}

var steps = []step{
	{"containerd takes the image of pauses", func(ctx context.Context) error { return importImage(ctx, inState("pause.tar")) }},
	{"the API server is ready", func(ctx context.Context) error { return kubectl(ctx, nil, "get", "--raw=/readyz") }},
	{"it takes the Services of DNS and metrics", func(ctx context.Context) error {
		return kubectl(ctx, nil, "apply", "--filename="+inState("services.yaml"))
	}},
	{"the node is ready", condition("node/"+nodeName, "Ready")},
	{"pods have an account", func(ctx context.Context) error {
		return kubectl(ctx, nil, "get", "serviceaccount", "--namespace=default", "default")
	}},
	{"DNS answers", func(ctx context.Context) error {
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, dnsAddress+":53")
		}}
		_, err := resolver.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
		return err
	}},
	{"metrics are to be had", condition("apiservice/v1beta1.metrics.k8s.io", "Available")},
}

// await tries a step again and again, as long as the node runs.
func await(ctx context.Context, ended <-chan struct{}, s step) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := s.try(try)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return errors.New("the node has ended")
		case <-ctx.Done():
			return fmt.Errorf("%w before %s: %w", ctx.Err(), s.what, err)
		case <-ticker.C:
		}
	}
}

func kubectl(ctx context.Context, output *bytes.Buffer, args ...string) error {
	var combined bytes.Buffer
	command := exec.CommandContext(ctx, inState("bin/kubectl"), append([]string{"--kubeconfig=" + inState("admin.kubeconfig")}, args...)...)
	command.Env = []string{"HOME=" + inState("home")} // kubectl keeps a cache there
	command.Stdout, command.Stderr = &combined, &combined
	if output != nil {
		command.Stdout = output
	}
	if err := command.Run(); err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(combined.Bytes()))
	}
	return nil
}

// condition finds amiss that a condition of an object is not true.
func condition(object, kind string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		var output bytes.Buffer
		if err := kubectl(ctx, &output, "get", object, "--output=json"); err != nil {
			return err
		}
		var found struct {
			Status struct {
				Conditions []struct{ Type, Status, Message string }
			}
		}
		if err := json.Unmarshal(output.Bytes(), &found); err != nil {
			return err
		}
		for _, c := range found.Status.Conditions {
			if c.Type == kind && c.Status == "True" {
				return nil
			}
			if c.Type == kind {
				return fmt.Errorf("%s is not %s: %s", object, kind, c.Message)
			}
		}
		return fmt.Errorf("%s has no condition %s", object, kind)
	}
}
