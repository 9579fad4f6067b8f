// SPDX-License-Identifier: Apache-2.0

package natstest

import (
	"net"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// Users changes who may use a server, and returns the one that takes its place: on the same port,
// with the same store and the rest of the options that it was started with. It is a restart, since
// nats-server 2.15 has a data race between a reload of its options and a client that connects.
func Users(t testing.TB, s *server.Server, started *server.Options, change func(*server.Options)) *server.Server {
	t.Helper()
	o := started.Clone()
	o.Port = s.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // Start listens on TCP
	change(o)
	s.Shutdown()
	s.WaitForShutdown()
	return Start(t, o)
}
