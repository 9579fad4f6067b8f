// SPDX-License-Identifier: Apache-2.0

// Package service runs a RealtimeService: Compile turns its namespaces and handlers into a Program,
// and a Runtime applies programs to a Socket.IO server, one after another, while clients stay
// connected.
//
//	manifest ── Compile ──▶ Program ── Runtime.Apply ──▶ the next event of each client
//
//	an event ── client.OnEvent ──▶ run ── handlers, in order ──▶ their actions, one by one
//	                                ▲                             │
//	                                └── pending: an action waits ─┘
//
// Each action has a file, which compiles it to a step and has what the step does: ack, emit,
// history, join, presence, set. Package eval evaluates its expressions, and package celvalue has
// their values.
package service
