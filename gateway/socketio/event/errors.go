// SPDX-License-Identifier: Apache-2.0

package event

import "errors"

var (
	// ErrDisconnected is returned for operations on a socket that has left its namespace.
	ErrDisconnected = errors.New("socket is disconnected")
	// ErrNoAck is returned if nobody has asked for an acknowledgement, or has got one.
	ErrNoAck = errors.New("no acknowledgement is asked for")
)
