// SPDX-License-Identifier: Apache-2.0

// Package httpx is what engineio needs of HTTP and knows nothing of a session: content codings and
// types, bounds for bodies, marks of polls, and checks of configured headers.
//
// Compressors are pooled, and hold no bytes of a client between two answers.
package httpx
