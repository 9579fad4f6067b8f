// SPDX-License-Identifier: Apache-2.0

// Package httpx has the parts of HTTP that engineio needs and that do not depend on a session:
// content codings and types, limits for bodies, marks of polls, and checks of configured headers.
//
// Compressors are pooled, and hold no bytes of a client between two answers.
package httpx
