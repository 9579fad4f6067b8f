// SPDX-License-Identifier: Apache-2.0

// Package outgoing sends the requests with which a gateway asks others about its clients: an issuer
// for its keys, a program for an answer. What is asked is theirs; which URL, by whose certificate,
// and how far a redirect leads is decided here.
package outgoing
