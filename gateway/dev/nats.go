// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// natsMaxPayload is enough for the largest message that a manifest can allow, with what a
	// gateway adds.
	natsMaxPayload  = 65 << 20
	natsReadyWithin = 10 * time.Second
)

// startNATS runs a nats-server in this process, on a loopback port that the kernel chooses. It
// stores in storeDir, if that is not empty.
func startNATS(storeDir string) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "realtime-dev",
		Host:       "127.0.0.1",
		Port:       server.RANDOM_PORT,
		MaxPayload: natsMaxPayload,
		MaxPending: 4 * natsMaxPayload,
		NoLog:      true,
		NoSigs:     true,
		JetStream:  storeDir != "",
		StoreDir:   storeDir,
	})
	if err != nil {
		return nil, fmt.Errorf("configure NATS: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(natsReadyWithin) {
		s.Shutdown()
		return nil, errors.New("start NATS: it is not ready in time")
	}
	return s, nil
}
