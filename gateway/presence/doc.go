// SPDX-License-Identifier: Apache-2.0

// Package presence tells the members of rooms which others there are, on all gateways.
//
//	tracker, err := presence.Of(io.Of("/"))
//	…
//	tracker.Configure(presence.Config{Tracks: func(room string) bool { return room == "lobby" }})
//
// Each member of such a room receives an event `presence` with a State when it has joined, and with
// a Batch when others join and leave.
//
// # Between gateways
//
// Each gateway with a member in a room holds the list of all. It sends changes of its own members
// as deltas, numbered without gaps: a delta names the previous one. An announcement has the number
// of a gateway's last delta, and the number of its members; it may ask the others for theirs, or
// request a snapshot, which has all members of a gateway in one or several parts. A gateway
// announces itself after each change, and every half minute, so that the loss of the last delta is
// noticed, too. When its last member has left, it announces twice that it has none.
//
// A room on a gateway is in one of three states (roomState):
//
//	          NATS confirms the subscription
//	joining ────────────────────────────────────▶ listening ──┐
//	   │       (requests all others' members)                 │ the last member here leaves,
//	   └──────────────────────────────────────────────────────┴──▶ ended   or Configure ends it
//
// For syncTime after it has subscribed, and after NATS was away, a gateway does not consider its
// list complete, and asks the others when a page is requested.
//
// For each room, another gateway is in one of three states (peerState):
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
// The known members of a gateway that is behind stay in the room until the snapshot arrives, and
// deltas that continue from them still count. A snapshot that a delta has overtaken does not.
//
// The members of a gateway end with it: its heartbeat (package membership) is the lease for all of
// them, so that sockets need none.
package presence
