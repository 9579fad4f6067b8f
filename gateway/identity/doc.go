// SPDX-License-Identifier: Apache-2.0

// Package identity says who a client is. An Authenticator is asked about a client that wants to
// connect, and answers with a Statement, or with an Error that has a code for the client and a
// reason for the log.
//
// There are three kinds of authenticator:
//
//   - JWTs (package token), which are verified with the keys of package keys: HMAC keys and JWK
//     sets from mounted Secrets, or a JWK set that is fetched from a URL and refreshed.
//   - Tokens that a mounted Secret lists (package static).
//   - A webhook (package webhook), which is asked over HTTP or by a NATS request.
//
// A token is found by its Locations. Several authenticators make a Chain: the first that recognizes
// the token decides.
//
// The package knows no manifest, no sockets and no expressions. What a statement permits, what a
// user is called, whether clients without a token are admitted, and what happens when a statement
// expires are decided by who asks.
package identity
