// SPDX-License-Identifier: Apache-2.0

// Package eventlog is a service's log of events: a JetStream stream to which each gateway appends
// what it emits, and from which it delivers what all gateways have appended, in the one order of
// the stream.
//
// An event goes from Append to the outbox (package outbox), and from there to the stream, which
// republishes it with its sequence to all gateways with a member. There it goes through Receive to
// Namespace. Receive, Acknowledged and all other code that depends on the order runs in one
// goroutine of the gateway, the loop, which handles the messages of NATS in order and calls the
// functions of Loop. So when it handles the acknowledgement with a sequence, it has handled all
// messages with a lower one that concern this gateway.
//
// Run prepares the log (prepare.go), at the start and whenever something has gone wrong:
//
//	         stream is there         outbox resumed
//	starting ──────────────▶ healing ──────────────▶ storing ── JetStream has stored ──▶ ready
//	    ▲                       │                       │                                 │
//	    └────── error, pause ───┴─── outbox in trouble ─┘                                 │
//	    └───────────── NATS was away, outbox in trouble, no quorum (probe.go) ────────────┘
//
// Healing reads missed messages from the stream (catchup.go, gap.go), and proves that the stream
// still reaches back that far (reach.go). If it does not, the sockets that may have missed an event
// are disconnected. If the stream was lost and replaced by another incarnation, the log starts over
// (restart.go).
//
// The log knows nothing of sessions. Package recovery stores them here, by Push, since a session's
// sequence separates what came before it from what came after.
package eventlog
