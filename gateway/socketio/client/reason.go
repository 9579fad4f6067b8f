// SPDX-License-Identifier: Apache-2.0

package client

// The reasons for the end of a socket, which its handlers receive.
const (
	// ReasonClientDisconnect: the client has left the namespace.
	ReasonClientDisconnect = "client namespace disconnect"
	// ReasonServerDisconnect: the server has called Disconnect.
	ReasonServerDisconnect = "server namespace disconnect"
	// ReasonServerShuttingDown: the server is closing or draining.
	ReasonServerShuttingDown = "server shutting down"
	// ReasonPingTimeout: the client has not answered a ping in time.
	ReasonPingTimeout = "ping timeout"
	// ReasonTransportClose: the client has closed the connection, or the network has failed.
	ReasonTransportClose = "transport close"
	// ReasonTransportError: the client has violated the transport.
	ReasonTransportError = "transport error"
	// ReasonParseError: the client has sent an invalid packet.
	ReasonParseError = "parse error"
	// ReasonForcedClose: the server has closed the connection, for example because a handler
	// panicked.
	ReasonForcedClose = "forced close"
	// ReasonForcedServerClose: the client has sent a packet that is not allowed at this point, such
	// as an event for a namespace that it is not in.
	ReasonForcedServerClose = "forced server close"
	// ReasonSlowConsumer: more data waited for the client than the server keeps.
	ReasonSlowConsumer = "slow consumer"
)
