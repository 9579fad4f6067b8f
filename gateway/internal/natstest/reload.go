// SPDX-License-Identifier: Apache-2.0

package natstest

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// Users changes who may use a running server, which ends the connections of those who may not any more. It keeps the rest of
// its options, which are those that it was started with.
func Users(t testing.TB, s *server.Server, started *server.Options, change func(*server.Options)) {
	t.Helper()
	o := started.Clone()
	change(o)
	if err := s.ReloadOptions(o); err != nil {
		t.Fatalf("change the users of NATS: %v", err)
	}
}
