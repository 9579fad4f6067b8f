// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/broker"
)

// brokerUntil is NATS's process: it tells its address, and ends with its input. What it stores goes
// with it.
func brokerUntil(input io.Reader, output io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "hostile-jetstream-")
	if err != nil {
		return fmt.Errorf("make a folder for JetStream: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := startBroker(dir)
	if err != nil {
		return err
	}
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if _, err := fmt.Fprintln(output, strings.TrimPrefix(s.ClientURL(), "nats://")); err != nil {
		return fmt.Errorf("tell the address: %w", err)
	}
	_, err = io.Copy(io.Discard, input) // its end is all that it says
	return err
}

func startBroker(storeDir string) (*server.Server, error) {
	return broker.Start(server.Options{JetStream: true, StoreDir: storeDir, MaxPayload: 8 * mib})
}
