// SPDX-License-Identifier: Apache-2.0

// Package recovery lets clients come back, at any gateway of a service, as the sockets that they were.
//
// A session is stored in the log of events (package eventlog) as a record and the deltas behind it,
// whose sequences say what the client may have missed: where it begins, and since when, or from when to
// when, the socket was in each room. Each message is stored under the condition that the last one is
// the one that this gateway knows, so that a session belongs to one gateway at a time.
//
// A client that comes back goes through these steps, each in the file of its name:
//
//	handshake ─▶ Find ─▶ look up, read the record ─▶ middlewares and rules (package socketio)
//	          ─▶ Recover ─▶ take over: join the rooms, store a record behind the one that was found
//	                        │ refused: another has taken it, read it again
//	                        ▼
//	                     tell the gateway that had it ─▶ read what was missed, up to the new record
//	          ─▶ connected, with what was missed ─▶ live
//
// On the gateway that has the socket, a session is in one of these states (session.go):
//
//	taking ── stored ─────────▶ kept ── released, taken over elsewhere, cannot be stored ──▶ over
//	   │                         ▲ │ the log is lost
//	   │                         │ ▼
//	   │                      suspended ── released ───────────────────────────────────────▶ over
//	   └── refused, or its client has come once more ──────────────────────────────────────▶ over
//
// In kept, at most one message is on its way; what changes meanwhile is in the next one.
package recovery
