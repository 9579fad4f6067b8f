// SPDX-License-Identifier: Apache-2.0

package engineio

// CloseReason says why a session ended. The words are those of the reference implementation, since applications
// see them as the argument of `disconnect`.
type CloseReason string

const (
	// ReasonTransportClose: the client closed, or its connection ended.
	ReasonTransportClose CloseReason = "transport close"
	// ReasonTransportError: the client broke the rules of its transport, as by two polls at once.
	ReasonTransportError CloseReason = "transport error"
	// ReasonPingTimeout: no answer to a ping within the ping timeout.
	ReasonPingTimeout CloseReason = "ping timeout"
	// ReasonParseError: the client sent what is no packet.
	ReasonParseError CloseReason = "parse error"
	// ReasonForcedClose: the application closed the session.
	ReasonForcedClose CloseReason = "forced close"
	// ReasonServerShuttingDown: the server stops or drains.
	ReasonServerShuttingDown CloseReason = "server shutting down"
	// ReasonSlowConsumer: more waited for the client than a session may keep.
	ReasonSlowConsumer CloseReason = "slow consumer"
)
