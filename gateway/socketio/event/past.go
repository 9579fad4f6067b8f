// SPDX-License-Identifier: Apache-2.0

package event

// Past is what an adapter has to send to a socket before what was held for it.
type Past struct {
	// Has tells whether an event is part of it, by its Position. It is asked before Next, for events that
	// were held: those which it has are sent as part of it, and not a second time.
	Has func(position uint64) bool
	// Next is the next event, nil at the end. It is called as the client takes the events, with the offset
	// of what the socket got before them: a client that is lost in the middle does not get the rest, but
	// misses nothing else. It may not wait, nor use the socket's session. Where it would have to wait it
	// returns NotYet, and is called again after Socket.ResumePast.
	Next func() *Delivery
}

// NotYet is what Past.Next returns while it waits for the next event.
var NotYet = &Delivery{}
