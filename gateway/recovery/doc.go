// SPDX-License-Identifier: Apache-2.0

// Package recovery lets clients return, at any gateway of a service, as the sockets that they were.
//
// A session is stored in the log of events (package eventlog) as a record and the deltas behind it.
// Their sequences determine what the client may have missed: where the session begins, and since
// when, or from when to when, the socket was in each room. Each message is stored under the
// condition that the last one is the one that this gateway knows, so that a session belongs to one
// gateway at a time.
//
// A returning client goes through these steps (recover.go):
//
//	Find ─▶ look the session up (lookup.go), and read its record and deltas (read.go)
//	     ─▶ middlewares and rules, in package socketio
//	     ─▶ Recover ─▶ takeOver: join the rooms, store a record behind the one that was found
//	                    │ refused: another gateway has taken it, read it again
//	                    ▼
//	                   notifyPrevious ─▶ missed: read what came up to the new record (backlog.go)
//	     ─▶ connected, with what was missed ─▶ live
//
// On the gateway that has the socket, a session is in one of these states (machine.go):
//
//	taking ── stored ─────▶ kept ── released, taken over elsewhere, or cannot be stored ──▶ over
//	   │                    │ ▲
//	   │     the log is lost│ │ all gateways use the next log
//	   │                    ▼ │
//	   │                 suspended ── released ────────────────────────────────────────────▶ over
//	   └── refused, or its client has come once more ─────────────────────────────────────▶ over
//
// In each of them, at most one message is in flight. Changes in the meantime go into the next one:
//
//	idle ── a change ──▶ sending ── another change ──▶ outdated ── the outcome ──▶ sending
//	  ▲                     │
//	  └──── the outcome ────┘
package recovery
