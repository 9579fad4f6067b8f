// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

var (
	arrive             = sockettest.Arrive
	await              = wiretest.Await
	checkNothingIsLeft = natstest.CheckNothingIsLeft
	emit               = sockettest.Emit
	startJetStream     = natstest.StartJetStream
)

type lines = wiretest.Lines

// recovering is a gateway whose clients can come back.
func recovering(t *testing.T, ns *natsserver.Server) *gateway {
	t.Helper()
	return recoveringWith(t, ns, Options{})
}

func recoveringWith(t *testing.T, ns *natsserver.Server, o Options) *gateway {
	t.Helper()
	o.URLs = []string{ns.ClientURL()}
	o.Recovery = &Recovery{MaxDisconnection: time.Minute, MaxMessages: 100, Detection: time.Second}
	g := newGateway(t, o)
	await(t, "the log is ready", g.cluster.LogReady)
	return g
}

// stored returns when all that the gateway has emitted is stored: a client that comes to another
// gateway has missed it then.
func (g *gateway) stored(t *testing.T) {
	t.Helper()
	stored := make(chan error, 1)
	g.cluster.events.AfterAll(func(err error) { stored <- err })
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
}
