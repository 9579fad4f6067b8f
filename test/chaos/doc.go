// SPDX-License-Identifier: Apache-2.0

// Package chaos finds out what a Socket.IO service loses. Clients that behave like stock ones
// (reconnection with the same backoff, connection state recovery with the same payload) sit in
// rooms and publish; meanwhile gateways, the broker and the clients' connections fail on a schedule
// that a seed decides; and a ledger says of every message that was acknowledged whether each member
// of its room got it, once and in order.
//
// Nothing of it is simulated: gateways and brokers are processes, connections are TCP. Only the
// load balancer is in this process: each connection, and each request of a polling client, is sent
// to the next gateway in turn.
//
// The clients, the faults and the schedule are here. What clients say on the wire is in
// internal/protocol, the processes are in internal/stack, and the account of what arrived is in
// internal/ledger.
package chaos
