// SPDX-License-Identifier: Apache-2.0

// Package conn is the protocol's side of a client: it reads the packets of one Engine.IO session, has those of
// each namespace taken one at a time and in order (a lane), bounds what waits and how fast namespaces are joined,
// and answers. What a socket does with an event, and who is let into a namespace, is for package socketio.
package conn
