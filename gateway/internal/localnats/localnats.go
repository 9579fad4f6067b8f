// SPDX-License-Identifier: Apache-2.0

// Package localnats runs a nats-server in the process, for realtime dev and realtime test. A
// gateway's pod does not have it (docs/decisions/0033).
package localnats

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// maxPayload is enough for the largest message that a manifest can allow, with what a gateway
	// adds.
	maxPayload  = 65 << 20
	readyWithin = 10 * time.Second
)

// Options say how a server runs.
type Options struct {
	// Name is the server's.
	Name string
	// Listen has it listen on a loopback port that the kernel chooses. Otherwise it has connections
	// within the process alone.
	Listen bool
	// StoreDir is where JetStream stores; empty: there is no JetStream.
	StoreDir string
}

// Start runs a server until its Shutdown. It is ready for connections.
func Start(o Options) (*server.Server, error) {
	options := &server.Options{
		ServerName: o.Name,
		DontListen: !o.Listen,
		MaxPayload: maxPayload,
		MaxPending: 4 * maxPayload,
		NoLog:      true,
		NoSigs:     true,
		JetStream:  o.StoreDir != "",
		StoreDir:   o.StoreDir,
	}
	if o.Listen {
		options.Host, options.Port = "127.0.0.1", server.RANDOM_PORT
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("configure NATS: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(readyWithin) {
		s.Shutdown()
		return nil, errors.New("start NATS: it is not ready in time")
	}
	return s, nil
}
