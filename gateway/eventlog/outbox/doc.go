// SPDX-License-Identifier: Apache-2.0

// Package outbox stores messages in a JetStream stream: in the order in which they are pushed, each
// once, and each with exactly one outcome.
//
// A message goes through these states. Resume, with a new connection, sends again what the last one
// left without an answer; what was stored by then is recognized by JetStream, or by the owner, and is
// not stored twice.
//
//	           sendReady            acknowledged, recognized
//	Push ──▶ pending ──────▶ sent ──────────────────────────▶ stored
//	          │ │ ▲ │         │ │                               ▲
//	          │ │ └─┼─ Resume ┘ │                               │
//	          │ │   └───────────┼── late answer, recognized ────┘
//	          │ │               │
//	          │ └───────────────┴── refused for good ──▶ rejected
//	          └─────────────────┴── Abandon ──────────▶ abandoned
//
// Refused for good are messages that are too large for NATS or for the stream, those whose condition
// does not hold (ErrWrongSequence), those that others of their subject have overtaken, and those that
// follow a message of a log that is lost. Whatever may work later is sent again: no answer, no room,
// no leader.
//
// What waits is bounded (MaxMessages). AfterAll tells when everything that was pushed before has one
// of the three final states.
package outbox
