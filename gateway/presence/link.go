// SPDX-License-Identifier: Apache-2.0

package presence

import "context"

// Link connects the trackers of one namespace on different gateways. Package cluster has the
// implementation over NATS. Its methods are called from any goroutine, and may block while
// something is sent. It calls Receive, Beat, Lost and Reconnected one at a time.
type Link interface {
	// ID returns the id of this gateway.
	ID() string
	// Connected reports whether others can be reached now.
	Connected() bool
	// Listen subscribes to the messages about a room, and returns when none is missed any more.
	Listen(room string)
	// Unlisten ends the subscription, unless the tracker holds the room again.
	Unlisten(room string)
	// Publish sends to all gateways that listen to a room.
	Publish(room string, data []byte) error
	// Send sends to one gateway. Sent and published messages keep their order.
	Send(gateway string, data []byte) error
	// Pages asks all others for their LocalPage. With an error it also returns the pages that have
	// arrived.
	Pages(ctx context.Context, room, after string, limit int) ([]Page, error)
}
