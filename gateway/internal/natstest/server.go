// SPDX-License-Identifier: Apache-2.0

// Package natstest runs a real nats-server for a test.
package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Start runs a server on a port of loopback, with what the options say besides; nil for the
// defaults. It ends with the test.
func Start(t testing.TB, o *server.Options) *server.Server {
	t.Helper()
	if o == nil {
		o = &server.Options{}
	}
	o.Host, o.NoLog, o.NoSigs = "127.0.0.1", true, true
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatalf("configure NATS: %v", err)
	}
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("NATS is not ready in time")
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// StartJetStream runs a server that stores, in a folder of the test.
func StartJetStream(t testing.TB) *server.Server {
	t.Helper()
	return Start(t, &server.Options{JetStream: true, StoreDir: t.TempDir()})
}
