// SPDX-License-Identifier: Apache-2.0

// Package heartbeat decides when a client is pinged and when it is given up (Engine.IO protocol v4,
// "Heartbeat"; in v3 the client pings). It knows times only: the session sends the pings, and has a
// timing wheel call it when one is due.
//
//	              Pinged                         now >= Due: the client is given up
//	+----------+ -------> +----------+
//	| between  |          | awaiting | -- Extend, once: Due is now + timeout
//	+----------+ <------- +----------+
//	              Pong
//
// A client of revision 3 is always awaiting, and PingedByClient puts Due off.
//
// All times are counted from the one before, not from when a timer happened to run, so that
// lateness does not add up. Nothing but an answer ends the wait, so a client that sends without
// reading is found out after one more timeout.
package heartbeat
