// SPDX-License-Identifier: Apache-2.0

// Package engineio serves Engine.IO, revision 4 of the protocol and, if told to, revision 3: sessions that begin with long-polling or websocket,
// change from the first to the second, and are kept alive by heartbeats. It carries packets and reads none of them.
//
// The specification is https://github.com/socketio/engine.io-protocol; where it is silent, the package does as the
// reference implementation does, and says where it does not.
package engineio
