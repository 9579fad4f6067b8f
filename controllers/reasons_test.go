// SPDX-License-Identifier: Apache-2.0

package controllers

import "github.com/realtime-operator/realtime-operator/controllers/status"

// The reasons of conditions, for tests.
const (
	reasonReady        = status.ReasonReady
	reasonAvailable    = status.ReasonAvailable
	reasonExternal     = status.ReasonExternal
	reasonInForce      = status.ReasonInForce
	reasonStarting     = status.ReasonStarting
	reasonScaledToZero = status.ReasonScaledToZero
	reasonPropagating  = status.ReasonPropagating
	reasonUnreachable  = status.ReasonUnreachable
	reasonRefused      = status.ReasonRefused
	reasonInvalid      = status.ReasonInvalid
	reasonApplyFailed  = status.ReasonApplyFailed
	reasonDisconnected = status.ReasonDisconnected
)
