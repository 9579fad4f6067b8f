// SPDX-License-Identifier: Apache-2.0

// Package outbox stores messages in a JetStream stream: in the order in which they are pushed, each
// once, and each with exactly one outcome.
//
// A message goes through these states. Resume sends again, over a new connection, what has no
// answer; messages that are already stored are recognized by JetStream, or by the owner, and are
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
// A message is rejected permanently if it is too large for NATS or for the stream, if its condition
// does not hold (ErrWrongSequence), if others of its subject have overtaken it, or if it follows a
// message of a lost log incarnation. In all cases that may succeed later it is sent again: no
// answer, no room, no leader.
//
// The number of waiting messages is bounded (MaxMessages). AfterAll reports when everything that
// was pushed before has one of the three final states.
package outbox
