// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/clustertest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/recovery"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

type (
	gateway = clustertest.Gateway
	person  = sockettest.Person
	lines   = wiretest.Lines
)

var (
	newGateway         = clustertest.NewGateway
	recovering         = clustertest.Recovering
	recoveringWith     = clustertest.RecoveringWith
	replicated         = clustertest.Replicated
	arrive             = sockettest.Arrive
	emit               = sockettest.Emit
	await              = wiretest.Await
	checkNothingIsLeft = natstest.CheckNothingIsLeft
	startJetStream     = natstest.StartJetStream
	startRestartable   = natstest.StartRestartable
)

type record = recovery.Record

// namespaceIn is the main namespace of a gateway.
func namespaceIn(g *gateway) *recovery.Namespace {
	return g.IO.Of("/").Adapter().(interface{ Self() *recovery.Namespace }).Self() //nolint:forcetypeassert // it has recovery
}

// keepRooms has a gateway treat rooms by a policy.
func keepRooms(g *gateway, policy func(room string) socketio.RoomPolicy) {
	namespaceIn(g).SetRoomPolicy(policy)
}

// waitForPeer returns when a gateway knows another one.
func waitForPeer(t *testing.T, g, other *gateway) {
	t.Helper()
	_, _ = g.Cluster.FindPeer(t.Context(), other.Cluster.ID()) // which has no address
}
