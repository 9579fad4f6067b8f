// SPDX-License-Identifier: Apache-2.0

// Package client has what a server knows of one client, and its limits: the handshake, the
// identity, the session by which it is recovered, the bounds of what it can make the server hold,
// and how it is refused. It knows neither connections nor sockets. Package socketio has the same
// types under the same names.
package client
