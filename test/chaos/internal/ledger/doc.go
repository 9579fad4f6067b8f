// SPDX-License-Identifier: Apache-2.0

// Package ledger accounts for the messages of the chaos test: which were acknowledged, and whether
// each member of their room got them, once and in order. A Result says what a phase did to messages
// and clients.
package ledger
