// SPDX-License-Identifier: Apache-2.0

package presence

import "context"

// Link connects the trackers of one namespace on different gateways. Package cluster has the one over NATS. Its methods are
// called from any goroutine, and may block while what is written goes out. It calls Receive, Beat, Lost and Reconnected in turn.
type Link interface {
	// ID names this gateway.
	ID() string
	// Connected tells whether others can be reached now.
	Connected() bool
	// Listen begins to hear what is published for a room, and returns when nothing is missed any more.
	Listen(room string)
	// Unlisten ends it, unless the tracker holds the room again.
	Unlisten(room string)
	// Publish sends to all who listen to a room.
	Publish(room string, data []byte) error
	// Send sends to one gateway. What is sent and published keeps its order.
	Send(gateway string, data []byte) error
	// Pages asks all others for their LocalPage. Beside an error it returns what has come.
	Pages(ctx context.Context, room, after string, limit int) ([]Page, error)
}
