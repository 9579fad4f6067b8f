// SPDX-License-Identifier: Apache-2.0

// Package presence tells the members of rooms who else is there, on all gateways.
//
//	tracker, err := presence.Of(io.Of("/"))
//	…
//	tracker.Configure(presence.Config{Tracks: func(room string) bool { return room == "lobby" }})
//
// Each member of such a room gets an event `presence` with a State when it has come, and with a Batch
// when others come and go.
//
// # Between gateways
//
// Each gateway with a member in a room holds the list of all. It sends what changes among its own
// members as deltas, numbered without gaps: a delta names the one before it. An announcement says how
// far a gateway is, and how many members it has; it may ask the others for theirs, or request a
// snapshot, which has all members of a gateway in one or several parts. A gateway announces itself
// after each change, and every half a minute, so that the loss of the last delta is found, too. One
// whose last member has left announces that it has none, twice.
//
// A room on a gateway is in one of three states (roomState):
//
//	          NATS confirms that this gateway hears
//	joining ────────────────────────────────────────▶ listening ──┐
//	   │          (requests all others' members)                  │ the last member here leaves,
//	   └──────────────────────────────────────────────────────────┴──▶ ended   or Configure ends it
//
// For syncTime after it has begun to listen, and after NATS was away, a gateway does not take its list
// for complete, and asks the others where a page is wanted.
//
// Another gateway is, in a room, in one of three states (peerState):
//
//	            it has members, of which not all      it is asked again, at most maxTries
//	            are known: a gap, another number            ┌──┐
//	unknown ───────────────────────────────────────▶ behind ◀──┘
//	   │ ▲                                           │    ▲
//	   │ │                              a complete   │    │ a gap, another number of members
//	   │ │                              snapshot     ▼    │
//	   │ │                                           current ──┐
//	   │ └── no members; Lost; asked in vain;          ▲  ▲    │ the next delta
//	   │     silent for expiry (from any state)        │  └────┘
//	   └───── a delta that begins anew ────────────────┘
//
// What is known of a gateway that is behind stays in the room until the snapshot comes, and deltas that
// follow on it still count. A snapshot that a delta has overtaken does not.
//
// A gateway that dies takes its members with it: what is leased is the gateway, by its heartbeat
// (package membership), and not each socket.
package presence
