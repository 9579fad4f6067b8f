// SPDX-License-Identifier: Apache-2.0

// Package gatewaypeers says what the operator gives to the gateways of a service so that they trust
// each other, and nobody else: the files of a folder, which are the keys of a Secret.
package gatewaypeers

// ServerName is the name in every gateway's certificate, by which its peers know it. A service has
// an authority of its own, so that the name need not tell one service from another, nor an address,
// which changes with each pod.
const ServerName = "gateway.peers.realtime-operator.io"

// OperatorName is the name in the operator's client certificate, by which a gateway knows that it
// may be told what to run. No gateway has such a certificate, so that one that has been taken over
// cannot configure its peers.
const OperatorName = "operator.peers.realtime-operator.io"

// The files.
const (
	// Authorities holds the certificates of those whose certificates are trusted.
	Authorities = "ca.crt"
	// Certificate and Key are the gateways' own, as server and as client alike.
	Certificate = "tls.crt"
	Key         = "tls.key"
	// SessionKeys holds the keys that authenticate the ids of sessions, one a line: SessionKeyBytes
	// or more bytes in base64, and behind a space what readers pass over. The first makes new ids,
	// all are accepted.
	SessionKeys = "session.keys"
)

// SessionKeyBytes is the least length of a session key.
const SessionKeyBytes = 32
