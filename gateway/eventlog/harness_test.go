// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"github.com/realtime-operator/realtime-operator/gateway/internal/clustertest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

type (
	gateway     = clustertest.Gateway
	person      = sockettest.Person
	lines       = wiretest.Lines
	restartable = natstest.Restartable
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
