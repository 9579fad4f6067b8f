// SPDX-License-Identifier: Apache-2.0

// Package eventlog is a service's log of events: a JetStream stream, of which each gateway appends
// what it emits and delivers what others, and it itself, have appended, in the one order of the
// stream.
//
// An event goes out of Append into the outbox (package outbox), from there to the stream, which
// republishes it with its sequence to all gateways with a member, and there through Receive to
// Namespace. Receive, Acknowledged and everything else that decides what comes next runs in one
// goroutine of the gateway, the loop, which takes what NATS sends in order and calls the functions of
// Loop. So when it takes the acknowledgement with a sequence, all that has a lower one and concerns
// this gateway has been taken before.
//
// Run prepares the log (prepare.go), again whenever something has gone wrong:
//
//	          stream is there           outbox resumed
//	starting ─────────────────▶ healing ───────────────▶ storing ── JetStream takes something ──▶ ready
//	    ▲                          │                        │                                      │
//	    └───────── error, pause ───┴──── outbox in trouble ─┘                                      │
//	    └───────────────── NATS was away, outbox in trouble, no quorum (probe.go) ─────────────────┘
//
// Healing reads from the stream what may have gone by (catchup.go, gap.go), and proves that the
// stream still reaches back that far (reach.go). Where it does not, the sockets that may have missed
// an event are disconnected. A stream that was lost, and is another one now, starts over (restart.go).
//
// The log knows nothing of sessions. Package recovery stores them here, by Push, since a session's
// sequence says what came before it and what after.
package eventlog
