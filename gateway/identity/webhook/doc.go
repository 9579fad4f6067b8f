// SPDX-License-Identifier: Apache-2.0

// Package webhook asks a program of the user's own who a client is, over HTTP or by a NATS request.
// Both carry the same JSON.
//
// The JSON, and what counts as an answer, is described in
// docs/reference/authentication-requests.md, whose examples a test executes.
//
// An answer is kept for a question, all of which must be the same: a program that looks at
// addresses is asked again when a token comes from another one. After several questions in a row
// that could not be asked, nothing is asked for some seconds, and then one question tells whether
// the program is back. An answer that cannot be read is one client's affair.
package webhook
