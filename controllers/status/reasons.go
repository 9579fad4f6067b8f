// SPDX-License-Identifier: Apache-2.0

package status

// The reasons of conditions.
const (
	ReasonReady        = "Ready"
	ReasonAvailable    = "Available"
	ReasonExternal     = "External"
	ReasonInForce      = "InForce"
	ReasonStarting     = "Starting"
	ReasonScaledToZero = "ScaledToZero"
	ReasonPropagating  = "Propagating"
	ReasonUnreachable  = "Unreachable"
	ReasonRefused      = "Refused"
	ReasonInvalid      = "Invalid"
	ReasonApplyFailed  = "ApplyFailed"
	ReasonDisconnected = "Disconnected"
)
