// SPDX-License-Identifier: Apache-2.0

// Package gatewaypeers describes the files by which the gateways of a service trust each other, and
// nobody else. They are in a folder, which the operator provides as the keys of a Secret.
package gatewaypeers

// ServerName is the name in every gateway's certificate, which its peers check. A service has an
// authority of its own, so that the name need not distinguish services, nor contain an address,
// which changes with each pod.
const ServerName = "gateway.peers.realtime-operator.io"

// OperatorName is the name in the operator's client certificate, by which a gateway accepts
// configurations from it. No gateway has such a certificate, so that a compromised one cannot
// configure its peers.
const OperatorName = "operator.peers.realtime-operator.io"

// The files.
const (
	// Authorities has the certificates of the trusted authorities.
	Authorities = "ca.crt"
	// Certificate and Key are the gateway's own, both as server and as client.
	Certificate = "tls.crt"
	Key         = "tls.key"
	// SessionKeys has the keys that authenticate the ids of sessions, one per line: SessionKeyBytes
	// or more bytes in base64, and after a space what readers ignore. The first makes new ids, all
	// are accepted.
	SessionKeys = "session.keys"
)

// SessionKeyBytes is the minimum length of a session key.
const SessionKeyBytes = 32
