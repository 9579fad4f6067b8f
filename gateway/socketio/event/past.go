// SPDX-License-Identifier: Apache-2.0

package event

// Past is what an adapter sends to a socket before the events that were held for it.
type Past struct {
	// Has reports whether the event with a Position is part of Past. It is called before Next, for
	// held events: those that are part of Past are not sent a second time.
	Has func(position uint64) bool
	// Next returns the next event, nil at the end. It is called as the client takes the events;
	// each has the offset of what the socket received before them: a client whose connection is
	// lost in between does not get the rest, but misses nothing else. Next must not block, nor use
	// the socket's session. If it would have to wait it returns NotYet, and is called again after
	// Socket.ResumePast.
	Next func() *Delivery
}

// NotYet is what Past.Next returns while it waits for the next event.
var NotYet = &Delivery{}
