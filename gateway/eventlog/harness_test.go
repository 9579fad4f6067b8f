// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"github.com/realtime-operator/realtime-operator/gateway/internal/clustertest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

type (
	gateway     = clustertest.Gateway
	person      = clustertest.Person
	lines       = clustertest.Lines
	restartable = natstest.Restartable
)

var (
	newGateway         = clustertest.NewGateway
	recovering         = clustertest.Recovering
	recoveringWith     = clustertest.RecoveringWith
	replicated         = clustertest.Replicated
	arrive             = clustertest.Arrive
	emit               = clustertest.Emit
	await              = clustertest.Await
	checkNothingIsLeft = clustertest.CheckNothingIsLeft
	startJetStream     = clustertest.StartJetStream
	startRestartable   = natstest.StartRestartable
)
