// SPDX-License-Identifier: Apache-2.0

// Package httpx is what engineio needs of HTTP and knows nothing of a session: CORS and the
// judgment of origins, content codings and types, bounds for bodies, checks of configured headers,
// and the compact form in which a session keeps its handshake.
//
// Invariants:
//   - Headers of a client are never copied to an answer unchecked: an origin is echoed only if it is
//     free of control characters, short, and listed.
//   - What is kept of a handshake is bounded, whatever a client sends.
//   - Compressors are pooled, and hold no bytes of a client between two answers.
//
// Own code, where libraries exist: rs/cors judges headers only, while a server of websockets must
// refuse the page itself, and its patterns have one asterisk that matches dots, slashes and ports.
package httpx
