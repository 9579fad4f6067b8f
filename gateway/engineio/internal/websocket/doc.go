// SPDX-License-Identifier: Apache-2.0

// Package websocket is the server's side of WebSocket (RFC 6455) and of its compression (RFC 7692),
// as bytes: a Reader turns the bytes of a connection into messages, NewFrame and Deflate turn a
// payload into a frame, and Upgrade answers the opening handshake. It does no I/O on an open
// connection and starts no goroutine: engineio reads by epoll or by a goroutine, and writes many
// frames at once.
//
// Invariants:
//   - A Reader keeps nothing that it was fed, and holds no memory between two messages.
//   - A message of more than Reader.Limit bytes is refused by its header, before memory is taken
//     for it; a compressed one, once that much of it is inflated.
//   - A frame that breaks a rule is a *CloseError, which says how to close.
//   - Each message is compressed on its own ("no context takeover"), so that one frame serves all
//     the members of a room, and an idle connection holds no window.
//
// It replaces gorilla/websocket for everything but the handshake. gorilla's Conn blocks a goroutine
// in each read and holds a buffer of 4 KiB for each connection; here an idle connection has
// neither. gorilla's PreparedMessage costs each member of a room a lock, a deadline and a write;
// here the members share the bytes of a frame, and of a batch of frames. That is what
// docs/measured/benchmarks.md measures. The price is about 500 lines, which are fuzzed and tested
// against gorilla's client.
package websocket
