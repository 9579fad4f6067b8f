// SPDX-License-Identifier: Apache-2.0

// Package stack runs a Socket.IO service for the chaos test as processes: gateways, and the servers
// of a broker. It starts, stops, kills and freezes them, and cuts or slows down the connections
// between them.
//
// Clients reach the gateways through a Balancer. A client in a process of its own has a Front, an
// address whose connections the Balancer distributes.
package stack
