// SPDX-License-Identifier: Apache-2.0

// Package gatewaystatus is what a gateway tells the operator about itself, at /status of its ops
// port. Both must agree on it, though neither imports the other.
package gatewaystatus

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Status is the body of the answer, as JSON.
type Status struct {
	// Connections is the number of clients.
	Connections int64 `json:"connections"`
	// ConfigHash is the Revision of the configuration in force.
	ConfigHash string `json:"configHash"`
	// ConfigError is why the newest configuration is not in force; empty if it is.
	ConfigError string `json:"configError"`
	// Draining is true once the gateway has been told to leave.
	Draining bool `json:"draining"`
	// NATS is the state of its connection: connected, reconnecting and so on.
	NATS string `json:"nats"`
	// NATSError is why NATS is not connected; empty if it is.
	NATSError string `json:"natsError"`
	// NATSCause is of what kind NATSError is; empty if NATS is connected, or the kind is not known.
	NATSCause Cause `json:"natsCause,omitempty"`
	// NATSVersion is the release of the server that it is connected to; empty if it is not.
	NATSVersion string `json:"natsVersion,omitempty"`
	// NATSDenied is what NATS has last refused to permit on this connection; empty if nothing.
	NATSDenied string `json:"natsDenied,omitempty"`
	// LogReady is true while events can be stored; and always for a service without recovery.
	LogReady bool `json:"logReady"`
	// LogError is why events cannot be stored, and LogCause of what kind that is; empty while they
	// can, or if it is not known.
	LogError string `json:"logError,omitempty"`
	LogCause Cause  `json:"logCause,omitempty"`
	// KeySets are the JWK sets that the gateway fetches to verify tokens.
	KeySets []KeySet `json:"keySets,omitempty"`
	// Programs are those that the gateway asks who clients are.
	Programs []Program `json:"programs,omitempty"`
}

// Cause is a kind of problem with NATS, for which there is a remedy of its own.
type Cause string

// The causes of problems with the connection.
const (
	// CauseUnreachable: no server accepts a connection, or there is none of that name.
	CauseUnreachable Cause = "unreachable"
	// CauseCredentials: there are no credentials, or NATS refuses them.
	CauseCredentials Cause = "credentials"
	// CauseTLS: the two sides do not trust each other's certificates, or one does not encrypt.
	CauseTLS Cause = "tls"
)

// The causes of problems with JetStream.
const (
	// CauseDisabled: JetStream is not enabled on the server or for the account.
	CauseDisabled Cause = "disabled"
	// CauseNoQuorum: JetStream does not answer in time, or has no leader.
	CauseNoQuorum Cause = "noQuorum"
	// CauseNoRoom: a limit of the account, the stream or the disk has been reached.
	CauseNoRoom Cause = "noRoom"
)

// KeySet is a JWK set that is fetched from a URL.
type KeySet struct {
	URL string `json:"url"`
	// Keys is how many of its keys can be used: those that were fetched last.
	Keys int `json:"keys"`
	// Fetched is when; nil if they never were.
	Fetched *time.Time `json:"fetched,omitempty"`
	// Error is why the last fetch has failed; empty if it has not, or there was none yet.
	Error string `json:"error,omitempty"`
}

// Program is a program that is asked who clients are.
type Program struct {
	// Entry is that of spec.authentication.
	Entry string `json:"entry"`
	// Circuit is "closed" while the program is asked, "open" while it is left alone after failures,
	// and "half-open" when the next question decides.
	Circuit string `json:"circuit"`
	// Error is why the last question had no answer; empty if it had one, or there was none yet.
	Error string `json:"error,omitempty"`
}

// Revision names a configuration by its bytes: the first 16 hex digits of their SHA-256.
func Revision(config []byte) string {
	sum := sha256.Sum256(config)
	return hex.EncodeToString(sum[:8])
}
