// SPDX-License-Identifier: Apache-2.0

package client

import (
	"encoding/json"
	"time"
)

const (
	// DefaultMaxDisconnection is how long a single server keeps the session of a client that is away.
	DefaultMaxDisconnection = 2 * time.Minute
	// DefaultMaxMessages is how many events a single server keeps for each client.
	DefaultMaxMessages = 1000
	// DefaultMaxSessions is how many sessions a single server keeps, in each namespace, for clients that are away.
	DefaultMaxSessions = 10_000
)

// Recovery lets a client that has lost its connection come back as the socket that it was: with its id, rooms and data, and with
// the events that it has missed ("Connection state recovery" in Socket.IO's documentation). Socket.Recovered tells. Each event that
// is not to be acknowledged then has one argument more, a string, by which the client says what it has got. Volatile events and
// those with acknowledgements are not sent again. SocketsJoin, SocketsLeave and DisconnectSockets reach who is there, not who is away.
//
// Without Options.NewAdapter the server keeps sessions in its memory, where they end with it or with their namespace. Any other
// adapter must be a SessionKeeper, as that of package cluster is.
type Recovery struct {
	// MaxDisconnection is how long a client may be away, from when the server has noticed; DefaultMaxDisconnection if zero. It and
	// the two below are for sessions in memory alone; package cluster has its own.
	MaxDisconnection time.Duration
	// MaxMessages is how many events are kept for each client; DefaultMaxMessages if zero. Who has missed more begins anew. An event
	// is in memory once, and takes a pointer for each client, until no client that comes back could have missed it.
	MaxMessages int
	// MaxSessions is how many clients of a namespace may be away at once; DefaultMaxSessions if zero. For one more, the one that has
	// been away for the longest begins anew.
	MaxSessions int
	// RunMiddlewares runs the middlewares of a namespace for clients that come back too, before anything of their session is
	// touched: a client that is refused takes it from nobody, and does not prolong it. The socket has its id and its data
	// then, and not yet its rooms. By default such clients are taken for let in, as by the reference implementation.
	RunMiddlewares bool
	// EncodeData and DecodeData write and read what Socket.SetData has stored. By default it is JSON, and what is read is
	// what encoding/json makes of it, such as map[string]any.
	EncodeData func(any) ([]byte, error)
	DecodeData func([]byte) (any, error)
}

// Encode writes a socket's data. Of nil Recovery it is JSON.
func (r *Recovery) Encode(data any) ([]byte, error) {
	if r != nil && r.EncodeData != nil {
		return r.EncodeData(data)
	}
	return json.Marshal(data)
}

// Decode reads what Encode has written.
func (r *Recovery) Decode(b []byte) (data any, err error) {
	if r != nil && r.DecodeData != nil {
		return r.DecodeData(b)
	}
	err = json.Unmarshal(b, &data)
	return data, err
}
