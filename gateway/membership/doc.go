// SPDX-License-Identifier: Apache-2.0

// Package membership knows which gateways of a service are there. Each announces itself on NATS: when it
// comes, at each heartbeat, and when it leaves. What the others know of it is one of three states:
//
//	           Hello, Alive              silent for Timing.Dead while this gateway hears; or Farewell
//	unknown ──────────────────▶ present ───────────────────────────────────────────────────────────▶ absent
//	  ▲  │                         ▲                                                                  ▲ │ │
//	  │  │                         └────────────── Hello, Alive, unless it has left ──────────────────│─┘ │
//	  │  └───────────────────────── does not answer Find for findTimeout ─────────────────────────────┘   │
//	  └───────────────────────────────────────── after a minute ──────────────────────────────────────────┘
//
// An id is one process's: a gateway that restarts is another one, and one that has left does not come
// back.
//
// Silence proves nothing while this gateway cannot hear: without NATS, with a connection that has gone
// silent, or after a pause of the process in which heartbeats have piled up. See livenessWindow.
//
// Run has a goroutine of its own, and an Inbox of its own, so that a gateway which reads the log for
// long neither misses the others nor is missed. It waits for nothing but a write to NATS.
package membership
