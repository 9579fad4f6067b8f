// SPDX-License-Identifier: Apache-2.0

// Package broker runs NATS within a benchmark's own process.
package broker

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// readyWithin bounds the wait for a server that starts.
const readyWithin = 10 * time.Second

// Start runs NATS on a port of loopback, with what the options say besides. The caller shuts it
// down.
func Start(o server.Options) (*server.Server, error) {
	o.Host, o.Port, o.NoSigs, o.NoLog = "127.0.0.1", server.RANDOM_PORT, true, true
	s, err := server.NewServer(&o)
	if err != nil {
		return nil, fmt.Errorf("configure NATS: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(readyWithin) {
		s.Shutdown()
		return nil, errors.New("start NATS: it takes no connections")
	}
	return s, nil
}
