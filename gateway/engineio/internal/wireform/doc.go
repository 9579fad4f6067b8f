// SPDX-License-Identifier: Apache-2.0

// Package wireform has the forms of a packet on the wire: as a WebSocket frame, in a polling
// payload and on a WebTransport stream, for clients of both revisions. A packet is encoded once,
// and its forms are shared by all connections that take them.
package wireform
