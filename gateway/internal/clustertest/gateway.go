// SPDX-License-Identifier: Apache-2.0

// Package clustertest has gateways over real NATS servers, for the tests of what a cluster is made
// of.
package clustertest

import (
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// Gateway is a Socket.IO server with a link to others.
type Gateway struct {
	*sockettest.Server
	Cluster *cluster.Cluster
}

// NewGateway runs one, until the test ends.
func NewGateway(t testing.TB, o cluster.Options) *Gateway {
	t.Helper()
	if o.Service == "" {
		o.Service = "default/chat"
	}
	c, err := cluster.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	return &Gateway{Server: sockettest.Serve(t, c, o.Recovery != nil), Cluster: c}
}

// Recovering is a gateway whose clients can come back.
func Recovering(t *testing.T, ns *natsserver.Server) *Gateway {
	t.Helper()
	return RecoveringWith(t, ns, cluster.Options{})
}

// RecoveringWith is one with more options.
func RecoveringWith(t *testing.T, ns *natsserver.Server, o cluster.Options) *Gateway {
	t.Helper()
	o.URLs = []string{ns.ClientURL()}
	o.Recovery = &cluster.Recovery{MaxDisconnection: time.Minute, MaxMessages: 100, Detection: time.Second}
	g := NewGateway(t, o)
	wiretest.Await(t, "the log is ready", g.Cluster.LogReady)
	return g
}

// Replicated is a gateway whose log is on three NATS servers.
func Replicated(t *testing.T, o cluster.Options) *Gateway {
	t.Helper()
	o.Recovery = &cluster.Recovery{MaxDisconnection: time.Minute, MaxMessages: 1000, Detection: time.Second, Replicas: 3}
	g := NewGateway(t, o)
	wiretest.Await(t, "the log is ready", g.Cluster.LogReady)
	return g
}

// Stored returns when all that the gateway has emitted is stored: a client that comes to another
// gateway has missed it then.
func (g *Gateway) Stored(t *testing.T) {
	t.Helper()
	stored := make(chan error, 1)
	g.Cluster.Log().AfterAll(func(err error) { stored <- err })
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
}
