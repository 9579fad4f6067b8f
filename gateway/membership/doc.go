// SPDX-License-Identifier: Apache-2.0

// Package membership knows which gateways of a service are alive. Each announces itself on NATS:
// when it starts, at each heartbeat, and when it leaves. To the others it is in one of three
// states:
//
//	         Hello, Alive       silent for Timing.Dead while this gateway hears; or Farewell
//	unknown ──────────────▶ present ────────────────────────────────────────────────▶ absent
//	  ▲  │                     ▲                                                       ▲ │ │
//	  │  │                     └───────── Hello, Alive, unless it has left ────────────│─┘ │
//	  │  └──────────────────── does not answer Find for findTimeout ───────────────────┘   │
//	  └────────────────────────────────── after a minute ──────────────────────────────────┘
//
// An id belongs to one process: a gateway that restarts has another one, and one that has left does
// not come back.
//
// Silence proves nothing while this gateway cannot receive: without NATS, with a connection that
// has gone silent, or after a pause of the process in which heartbeats have accumulated. See
// livenessWindow.
//
// Run has its own goroutine and its own Inbox, so that a gateway that reads the log for a long time
// neither misses the others nor is missed. It blocks for nothing but a write to NATS.
package membership
