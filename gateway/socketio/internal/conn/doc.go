// SPDX-License-Identifier: Apache-2.0

// Package conn is the protocol side of a client: it reads the packets of one Engine.IO session,
// handles those of each namespace one at a time and in order (a lane), bounds what waits and how
// fast namespaces are joined, and answers. What a socket does with an event, and who is let into a
// namespace, is decided by package socketio.
package conn
