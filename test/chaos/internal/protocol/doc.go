// SPDX-License-Identifier: Apache-2.0

// Package protocol is what a client of the chaos test says on the wire, and when: the Engine.IO
// sessions and Socket.IO packets of a stock client, its reconnection delays, and its connections,
// which can be cut.
package protocol
