// SPDX-License-Identifier: Apache-2.0

// Package packet is Engine.IO's wire format: packets, the payloads of HTTP long-polling in
// revisions 3 and 4 of the protocol, JSONP, and the frames of WebTransport. A WebSocket message is
// one packet, whose frame is package websocket's.
//
// Invariants:
//   - A decoded packet's Data is a part of the bytes that it was decoded from, except for base64
//     and for streams. Packets of one payload do not overlap.
//   - A decoder reads no more than its input: a length is compared with the available bytes
//     before it is believed.
//   - What one function encodes, its counterpart decodes; the fuzz tests hold them together.
//
// The specification is https://github.com/socketio/engine.io-protocol. There is no library to
// replace: the Go ports of Engine.IO keep their parsers within their servers.
package packet
