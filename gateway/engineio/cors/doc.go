// SPDX-License-Identifier: Apache-2.0

// Package cors decides which pages of other origins may connect, and sets the headers by which
// browsers apply that to polls (Fetch standard, "HTTP CORS protocol").
//
// Invariants:
//   - An origin is copied to an answer only if it is free of control characters, short, and listed.
//   - An asterisk in a pattern never matches a colon, a slash or an at sign.
//
// There are libraries for the headers, such as rs/cors. But a server of WebSockets must refuse the
// page itself, and the patterns of rs/cors have one asterisk, which matches dots, slashes and
// ports.
package cors
