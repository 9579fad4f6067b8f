// SPDX-License-Identifier: Apache-2.0

package client

import (
	"encoding/json"
	"time"
)

const (
	// DefaultMaxDisconnection is how long a single server keeps the session of a client that is
	// away.
	DefaultMaxDisconnection = 2 * time.Minute
	// DefaultMaxMessages is how many events a single server stores for each client.
	DefaultMaxMessages = 1000
	// DefaultMaxSessions is how many sessions of clients that are away a single server keeps in
	// each namespace.
	DefaultMaxSessions = 10_000
)

// Recovery enables connection state recovery: a client that has lost its connection comes back as
// the socket that it was, with its id, rooms and data, and with the events that it has missed.
// Socket.Recovered reports it. Each event that asks for no acknowledgement then has one more
// argument, a string, the offset by which a client says what it has received. Volatile events and
// those with acknowledgements are not replayed. SocketsJoin, SocketsLeave and DisconnectSockets act
// on connected clients only.
//
// Without Options.NewAdapter the server stores sessions in its memory, where they end with it or
// with their namespace. Any other adapter must be a SessionKeeper, like that of package cluster.
type Recovery struct {
	// MaxDisconnection is how long a client may be away, from the moment at which the server has
	// noticed; DefaultMaxDisconnection if zero. This field and the next two are for sessions in
	// memory; package cluster has its own.
	MaxDisconnection time.Duration
	// MaxMessages is how many events are stored for each client; DefaultMaxMessages if zero. A
	// client that has missed more starts a new session. An event is in memory once, with a pointer
	// for each client, until no returning client can have missed it.
	MaxMessages int
	// MaxSessions is how many clients of a namespace may be away at once; DefaultMaxSessions if
	// zero. If there is one more, the client that has been away for the longest starts a new
	// session.
	MaxSessions int
	// RunMiddlewares also runs the middlewares of a namespace for returning clients, before
	// anything of their session is touched: a client that is refused takes the session from nobody,
	// and does not prolong it. At that point the socket has its id and its data, but not yet its
	// rooms. By default the middlewares are skipped, as by the reference implementation.
	RunMiddlewares bool
	// EncodeData and DecodeData encode and decode what Socket.SetData has stored. By default it is
	// JSON, decoded by encoding/json, for example to map[string]any.
	EncodeData func(any) ([]byte, error)
	DecodeData func([]byte) (any, error)
}

// Encode encodes a socket's data; with a nil Recovery, as JSON.
func (r *Recovery) Encode(data any) ([]byte, error) {
	if r != nil && r.EncodeData != nil {
		return r.EncodeData(data)
	}
	return json.Marshal(data)
}

// Decode is the inverse of Encode.
func (r *Recovery) Decode(b []byte) (data any, err error) {
	if r != nil && r.DecodeData != nil {
		return r.DecodeData(b)
	}
	err = json.Unmarshal(b, &data)
	return data, err
}

// RecoveryRequest is the part of a client's CONNECT that asks for its former session.
type RecoveryRequest struct {
	PID    string `json:"pid"`
	Offset string `json:"offset"`
}

// ReadRecoveryRequest reads an auth payload. One that cannot be decoded asks for nothing.
func ReadRecoveryRequest(auth json.RawMessage) (asked RecoveryRequest) {
	_ = json.Unmarshal(auth, &asked)
	return asked
}
